//! Markdown as lines, as far as our documents go.

use std::path::{Path, PathBuf};

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// A document of ours, by its path from the root.
pub fn read(path: &str) -> String {
    fs_err::read_to_string(root().join(path)).unwrap()
}

/// The content of every fenced block in this language.
pub fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let block: String = lines
            .by_ref()
            .take_while(|line| *line != "```")
            .flat_map(|line| [line, "\n"])
            .collect();
        if info == language {
            found.push(block);
        }
    }
    found
}

/// Lines of shell in a text's blocks, without comments and empty ones.
pub fn shell_lines(text: &str) -> Vec<String> {
    let lines = blocks(text, "sh")
        .into_iter()
        .flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>());
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

/// What stands in single backticks outside of blocks.
pub fn inline_code(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    assert!(!in_block, "every block is closed");
    found
}

/// Targets of links to files of ours.
pub fn local_links(text: &str) -> Vec<String> {
    let targets = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'));
    let targets = targets.map(|(target, _)| target.split('#').next().unwrap().to_owned());
    targets
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .collect()
}

#[test]
fn markdown_is_read_as_written() {
    let text = "a `b c` d [e](f.md#g) [h](https://i) [j](#k)\n```sh\n# no\nl m\n\n```\n`n`\n```yaml\no: p\n```\n";
    assert_eq!(inline_code(text), ["b c", "n"]);
    assert_eq!(shell_lines(text), ["l m"]);
    assert_eq!(blocks(text, "yaml"), ["o: p\n"]);
    assert_eq!(local_links(text), ["f.md"]);
}
