//! The examples of `docs/best-practices.md`: each one is valid and runs, but for those marked as wrong.

use crate::docs::text::{blocks, read, root};
use crate::support::Place;

const PAGE: &str = "docs/best-practices.md";

#[test]
fn every_example_of_best_practices_runs() {
    let place = Place::new();
    let mut names = Vec::new();
    for block in blocks(&read(PAGE), "yaml") {
        let first = block.lines().next().unwrap();
        let part = first
            .strip_prefix("# ")
            .filter(|path| path.ends_with(".yaml"));
        if let Some(path) = part {
            place.write(path, &block);
            place.orchestra(["validate", path]).run().expect(0);
            continue;
        }
        let name = first.strip_prefix("name: ").expect("an example has a name");
        let file = format!("{name}.yaml");
        place.write(&file, &block);
        let checked = place.orchestra(["validate", &file]).run().expect(0);
        assert_eq!(checked.stderr, "", "{name}");
        place.orchestra(["run", &file]).run().expect(0);
        names.push(name.to_owned());
    }
    assert!(names.len() >= 7, "{names:?}");
}

#[test]
fn what_is_marked_as_wrong_is_refused_with_a_fix() {
    let wrong = blocks(&read(PAGE), "yaml wrong");
    assert!(!wrong.is_empty());
    for block in wrong {
        let place = Place::with("wrong.yaml", &block);
        let refused = place.orchestra(["validate", "wrong.yaml"]).run().expect(3);
        assert!(
            refused.stderr.contains("help: did you mean `build`?"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn the_first_ten_minutes_go_as_written() {
    let place = Place::new();
    let lines = crate::docs::text::shell_lines(&read("docs/README.md"));
    assert!(lines.len() >= 6, "{lines:?}");
    for line in lines {
        let words: Vec<&str> = line.split(' ').skip(1).collect();
        place.orchestra(words).run().expect(0);
    }
}

/// A page that the index does not name is found by nobody.
#[test]
fn the_index_names_every_page() {
    let index = read("docs/README.md");
    for entry in fs_err::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_linked = index.contains(&format!("]({name})"));
        assert!(name == "README.md" || is_linked, "{name}");
    }
}
