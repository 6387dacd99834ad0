//! The path of a nested scenario, or of a schema: written from the file that names it, kept from the
//! scenario's root.

/// The path from the root, or what is wrong with it and how to fix that. `from` is the path, from the
/// root, of the file that says `key`.
pub(super) fn resolve(key: &str, from: &str, written: &str) -> Result<String, (String, String)> {
    let refuse = |what: &str, help: &str| Err((what.replace("KEY", key), help.to_owned()));
    let (help, another) = match key {
        "uses" => (
            "a path from this file, such as `./parts/build.yaml`",
            "name a scenario in it",
        ),
        _ => (
            "a path from this file, such as `schemas/bullets.json`",
            "name a file in it",
        ),
    };
    if written.is_empty() {
        return refuse("`KEY` names no file", help);
    }
    if written.contains("${{") {
        let help = match key {
            "uses" => "write the path out; the plan must show every task",
            _ => "write the path out; the plan holds what is in the file",
        };
        return refuse("`KEY` cannot hold an expression", help);
    }
    if written.contains("://") {
        return refuse("`KEY` takes files only", "fetch it into the project first");
    }
    if written.starts_with(['/', '~']) {
        return refuse("`KEY` takes no absolute path", help);
    }
    if written.ends_with('/') {
        return refuse("`KEY` names a folder", another);
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in written.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => {
                let help = "the root is the nearest folder above with `orchestra.yaml` or `.git`, \
                            else the scenario's own; move the file beneath it";
                return refuse("`..` leads out of the scenario's root", help);
            }
            ".." => {}
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    match crate::plan::check_relative(&path) {
        Ok(()) => Ok(path),
        Err(_) => refuse("`KEY` names no file", help),
    }
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn table() {
        let ok = |from: &str, written: &str| resolve("uses", from, written).ok();
        let cases = [
            ("ci.yaml", "./a.yaml", Some("a.yaml")),
            ("ci.yaml", "a.yaml", Some("a.yaml")),
            ("ci/main.yaml", "./a.yaml", Some("ci/a.yaml")),
            ("ci/main.yaml", "../a.yaml", Some("a.yaml")),
            ("ci/main.yaml", "x/../../b//c.yaml", Some("b/c.yaml")),
            ("ci.yaml", "../a.yaml", None),
            ("ci/main.yaml", "../../a.yaml", None),
            ("ci.yaml", "/a.yaml", None),
            ("ci.yaml", "~/a.yaml", None),
            ("ci.yaml", "", None),
            ("ci.yaml", ".", None),
            ("ci.yaml", "parts/", None),
            ("ci.yaml", "https://x/y.yaml", None),
            ("ci.yaml", "${{ inputs.x }}.yaml", None),
        ];
        for (from, written, expected) in cases {
            assert_eq!(ok(from, written).as_deref(), expected, "{from} {written}");
        }
    }
}
