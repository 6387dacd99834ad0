//! V28: bytes that are made to break whoever reads or shows them.

use protocol::digest::Digest;
use protocol::outcome::FailureClass;

use crate::support::{Host, Policy, python};

cases!(
    v28_hostile_bytes_are_kept_and_shown_escaped,
    v28_hostile_names_are_escaped_or_refused
);

/// Held by capture and by whatever renders: bytes are stored as they came, text is escaped.
fn v28_hostile_bytes_are_kept_and_shown_escaped(host: &mut Host) {
    let script = "
bad = bytes(range(256)) * 3000 + b'\\xed\\xa0\\x80' + b'\\x1b]0;title' + b'\\x1b]52;c;AAAA' + b'x' * 200000 + b'\\0\\r'
out = sys.stdout.buffer
out.write(bad); out.flush()
sys.stderr.buffer.write(b'\\x1b]0;evil\\x07\\x1b[2J\\x9b31m\\r\\xe2\\x80\\xae' + b'{\"level\":\"none\"}\\n')
sys.exit(3)
";
    let mut bad: Vec<u8> = (0..=255).collect::<Vec<u8>>().repeat(3000);
    bad.extend(b"\xed\xa0\x80\x1b]0;title\x1b]52;c;AAAA");
    bad.extend([b'x'; 200_000]);
    bad.extend(b"\0\r");
    for level in host.levels_and_off() {
        let held = host.sbx(&Policy::at(level), &python(script));
        held.fails(FailureClass::ToolFailed, None);
        assert_eq!(Digest::of(&held.stdout), Digest::of(&bad));
        let log = held.end.out.as_ref().unwrap();
        assert_eq!(
            (log.bytes, log.sha256),
            (bad.len() as u64, Digest::of(&bad))
        );
        let tail = held.end.tail.as_deref().unwrap();
        let raw = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(tail.contains("evil") && !tail.contains(raw), "{tail:?}");
    }
}

/// Held by the collector: a name that is no text is named in an escaped form, and refused.
fn v28_hostile_names_are_escaped_or_refused(host: &mut Host) {
    let odd = "
os.mkdir('out')
for name in [b'-rf', b'new\\nline', b'\\xe2\\x80\\xaetxt.exe', b'n' * 255, b'{\"path\":1}', b'sp ace', b'\\x1b]0;x']:
    open(b'out/' + name, 'w').close()
";
    let none = "
os.mkdir('out'); open(b'out/\\xff\\xfe\\x1b', 'w').close()
";
    for level in host.levels_and_off() {
        let policy = Policy::at(level).declaring("out/");
        let held = host.sbx(&policy, &python(odd));
        held.succeeds();
        assert_eq!(held.sealed().len(), 7, "{held}");
        for path in held.sealed() {
            let kept = host.hello.run.join("artifacts/t").join(path);
            assert!(
                path.starts_with("out/") && !path.contains(".."),
                "{}",
                kept.display()
            );
        }
        let held = host.sbx(&policy, &python(none));
        held.fails(FailureClass::ArtifactMissing, None);
        let message = held.message();
        assert!(
            message.contains("\\xff\\xfe\\x1b") && !message.contains('\x1b'),
            "{held}"
        );
    }
}
