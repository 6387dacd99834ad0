//! The path of a nested scenario: written from the file that uses it, kept from the scenario's root.

/// The path from the root, or what is wrong with it and how to fix that. `from` is the path, from the
/// root, of the file that says `uses`.
pub(super) fn resolve(from: &str, written: &str) -> Result<String, (&'static str, String)> {
    let help = "a path from this file, such as `./parts/build.yaml`".to_owned();
    if written.is_empty() {
        return Err(("`uses` names no file", help));
    }
    if written.contains("${{") {
        let help = "write the path out; the plan must show every task".to_owned();
        return Err(("`uses` cannot hold an expression", help));
    }
    if written.contains("://") {
        return Err((
            "`uses` takes files only",
            "fetch it into the project first".to_owned(),
        ));
    }
    if written.starts_with(['/', '~']) {
        return Err(("`uses` takes no absolute path", help));
    }
    if written.ends_with('/') {
        return Err(("`uses` names a folder", "name a scenario in it".to_owned()));
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in written.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => {
                let help = "the root is the nearest folder above with `orchestra.yaml` or `.git`, \
                            else the scenario's own; move the file beneath it";
                return Err(("`..` leads out of the scenario's root", help.to_owned()));
            }
            ".." => {}
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    match crate::plan::check_relative(&path) {
        Ok(()) => Ok(path),
        Err(_) => Err(("`uses` names no file", help)),
    }
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn table() {
        let ok = |from: &str, written: &str| resolve(from, written).ok();
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
