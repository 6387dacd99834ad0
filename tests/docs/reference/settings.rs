//! The page of settings and variables, from what `orchestra config default` says of the table.

use super::table;
use crate::support::Place;

pub fn page() -> String {
    let place = Place::new();
    let told = place.orchestra(["config", "default", "-o", "json"]);
    let told = told.run().expect(0).json();
    let cell = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let rows = |list: &str, keys: &[&str]| -> Vec<Vec<String>> {
        let all = told[list].as_array().unwrap();
        let row = |one: &serde_json::Value| keys.iter().map(|key| cell(&one[*key])).collect();
        all.iter().map(row).collect()
    };
    let mut text = String::from(
        "A value comes from the first of these that says something: a flag, a variable, the project's \
         `orchestra.yaml`, your own `config.yaml`, the default. `orchestra config show` prints every \
         value with its origin, `--origin` those that lost, too, and `orchestra config path` where the \
         files are.\n\n## Settings\n\n",
    );
    let mut settings = rows(
        "settings",
        &[
            "name",
            "expected",
            "default",
            "flag",
            "variable",
            "in_project",
            "about",
        ],
    );
    for row in &mut settings {
        for code in [0, 2, 3, 4] {
            row[code] = format!("`{}`", row[code]);
        }
    }
    let heads = [
        "key",
        "value",
        "default",
        "flag",
        "variable",
        "a project",
        "meaning",
    ];
    text.push_str(&table(&heads, &settings));
    let file = place.orchestra(["config", "default"]).run().expect(0);
    text.push_str(&format!(
        "\nYour file is `$XDG_CONFIG_HOME/orchestra/config.yaml`, else `~/.config/orchestra/config.yaml`. \
         As a file, with all defaults:\n\n```yaml\n{}```\n",
        file.stdout
    ));
    text.push_str(
        "\n## A project's settings\n\n\
         The nearest `orchestra.yaml` up to the repository's root holds for everything beneath it; a \
         scenario may bear that name and is none. Such a file comes with a clone, so it may change how \
         things look and make limits tighter. Anything else in it is an error, `untrusted-setting`, that \
         names the line, until you accept it with `orchestra trust`. Trust is bound to the folder and to \
         exactly those values: when a pull changes one of them, you are asked again. \
         `orchestra trust --list` and `orchestra trust --remove DIR` keep order.\n\n## Environment\n\n\
         Every flag of every verb has a variable, `ORCHESTRA_` and its name in capitals; \
         [commands](commands.md) lists them. Beside those:\n\n",
    );
    let mut variables = rows("environment", &["name", "about"]);
    for row in &mut variables {
        row[0] = format!("`{}`", row[0].replace(", ", "`, `"));
    }
    text.push_str(&table(&["variable", "meaning"], &variables));
    text.push_str(
        "\nNothing of your environment reaches a task but `PATH` and what the scenario names in `env`.\n",
    );
    text
}
