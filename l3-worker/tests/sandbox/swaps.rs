//! Beyond the list: moving what the worker or a later sandbox looks up by name. A task may rename what
//! it may write, and somebody outside follows the name afterwards.

use protocol::message::{FileSource, StagedFile};
use protocol::outcome::{Bound, FailureClass};
use protocol::policy::SandboxLevel;

use crate::support::{Host, Kind, Policy, bash, python};

cases!(
    a_workspace_that_became_a_link_is_not_collected,
    a_quota_counts_what_was_moved_away,
    guests_are_not_taken_away_through_a_link,
    outputs_through_a_link_are_not_read,
    a_protected_place_cannot_be_moved_away,
    a_granted_path_that_became_a_link_leads_nowhere,
    hard_links_carry_nothing_out,
    temporary_files_tell_the_next_attempt_nothing,
);

/// The collector follows no link to the workspace; the directory around it cannot be replaced.
fn a_workspace_that_became_a_link_is_not_collected(host: &mut Host) {
    let script = python(
        "
def swap():
    os.chdir('..'); os.rename('workspace', 'elsewhere'); os.symlink('@HOME@/.ssh', 'workspace')
t('swap', swap)
",
    );
    let around = python(
        "
def replace():
    root = os.path.dirname(os.environ['HOME']); os.chdir('/')
    os.rename(root, root + '.x'); os.symlink('@HOME@/.ssh', root)
t('replace', replace)
",
    );
    for level in host.levels_and_off() {
        let held = host.sbx(&Policy::at(level).declaring("id_test"), &script);
        held.does("swap");
        held.fails(FailureClass::ArtifactMissing, None);
        assert!(
            held.artifacts.is_empty() && held.message().contains("no directory"),
            "{held}"
        );
    }
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level).declaring("id_test"), &around);
        held.refuses("replace", &["EBUSY", "EACCES", "EXDEV", "EROFS", "EPERM"]);
    }
}

/// What is written beside the workspace counts as well.
fn a_quota_counts_what_was_moved_away(host: &mut Host) {
    let script = bash(
        "cd ..; mv workspace elsewhere; mkdir elsewhere/d; for i in 1 2 3 4 5 6 7 8; do \
        dd if=/dev/zero of=elsewhere/d/$i bs=1M count=4 2>/dev/null; sleep 0.1; done; sleep 1; echo all",
    );
    for level in host.levels() {
        let mut policy = Policy::at(level);
        policy.limits.disk_bytes = Some(12 * 1024 * 1024);
        let held = host.sbx(&policy, &script);
        held.fails(FailureClass::LimitExceeded, Some(Bound::Disk));
    }
}

/// What was lent to a project is taken away from where it was put, not from where a link leads now.
fn guests_are_not_taken_away_through_a_link(host: &mut Host) {
    let project = host.hello.out.parent().unwrap().join("with-guests");
    let fill = |text: &str| text.replace("@P@", &project.display().to_string());
    let script = bash(&fill(
        "cat in/target; mv in moved; ln -s @OUT@ in; echo swapped",
    ));
    for level in host.levels_and_off() {
        host.plain(&fill("rm -rf @P@; mkdir -p @P@"));
        let mut policy = Policy::at(level);
        policy.project = Some(project.display().to_string());
        policy.confine.write = vec![project.display().to_string()];
        policy.files = vec![StagedFile {
            to: "in/target".into(),
            source: FileSource::Local {
                path: host.hello.shared.join("notes").display().to_string(),
            },
        }];
        let held = host.sbx(&policy, &script);
        assert!(held.says("to be read") && held.says("swapped"), "{held}");
        assert!(held.untouched, "{held}");
    }
}

/// A file of outputs is a regular file beneath the attempt's home, or there are none.
fn outputs_through_a_link_are_not_read(host: &mut Host) {
    let link = bash("ln -s @HOME@/.ssh/id_test \"$ORCHESTRA_OUTPUT\"; echo done");
    let pipe = bash("mkfifo \"$ORCHESTRA_OUTPUT\"; echo done");
    let home = bash("cd / && mv \"$HOME\" \"$HOME.x\" && ln -s @OUT@ \"$HOME\"; echo done");
    for level in host.levels_and_off() {
        for payload in [&link, &pipe, &home] {
            let held = host.sbx(&Policy::at(level), payload);
            assert!(held.says("done") && held.wall_ms < 10_000, "{held}");
            assert!(!held.message().contains("canary"), "{held}");
        }
    }
}

/// A mount inside a directory does not keep that directory from being renamed.
fn a_protected_place_cannot_be_moved_away(host: &mut Host) {
    let project = host.hello.out.parent().unwrap().join("guarded");
    let make = "rm -rf @P@; mkdir -p @P@/.git/hooks @P@/a/b/c; echo ours > @P@/.git/hooks/pre-commit; echo ours > @P@/a/b/c/f";
    let script = python(
        "
os.chdir('@P@')
def write(path):
    with open(path, 'w') as file: file.write('theirs')
t('write', lambda: write('.git/hooks/pre-commit'))
t('new', lambda: write('.git/hooks/post-commit'))
t('move', lambda: os.rename('.git', '.git2'))
t('move far', lambda: os.rename('a', 'a2'))
t('move near', lambda: os.rename('a/b', 'a/b2'))
for path in ['.git/hooks', 'a/b/c']:
    try: os.makedirs(path)
    except OSError: pass
t('again', lambda: write('.git/hooks/pre-commit'))
t('again far', lambda: write('a/b/c/f'))
t('free', lambda: write('free'))
"
        .replace("@P@", &project.display().to_string())
        .as_str(),
    );
    let place = |inner: &str| project.join(inner);
    let ours = || {
        [".git/hooks/pre-commit", "a/b/c/f"]
            .map(|inner| fs_err::read_to_string(place(inner)).unwrap_or_default())
    };
    for level in host.levels() {
        if level != SandboxLevel::Strict {
            // Nothing can be protected there: such a policy is refused.
            continue;
        }
        host.plain(&make.replace("@P@", &project.display().to_string()));
        let mut policy = Policy::at(level);
        policy.confine.write = vec![project.display().to_string()];
        policy.confine.protect = [".git/hooks", "a/b/c"]
            .map(|inner| place(inner).display().to_string())
            .to_vec();
        let held = host.sbx(&policy, &script);
        held.does("free");
        assert_eq!(ours(), ["ours\n", "ours\n"], "{held}");
        assert!(!place(".git/hooks/post-commit").exists(), "{held}");
    }
}

/// What one task may write, it may turn into a link; what is granted to the next one is not what that
/// link leads to.
fn a_granted_path_that_became_a_link_leads_nowhere(host: &mut Host) {
    let project = host.hello.out.parent().unwrap().join("shared-tree");
    let fill = |text: &str| text.replace("@P@", &project.display().to_string());
    let first = bash(&fill(
        "cd @P@ && rmdir data && ln -s @HOME@/.ssh data && echo swapped",
    ));
    let second = python(&fill(
        "
t('through', lambda: open('@P@/data/id_test').read())
t('directly', lambda: open('@HOME@/.ssh/id_test').read())
",
    ));
    for level in host.levels() {
        host.plain(&fill("rm -rf @P@; mkdir -p @P@/data"));
        let mut policy = Policy::at(level);
        policy.confine.write = vec![project.display().to_string()];
        assert!(host.sbx(&policy, &first).says("swapped"));
        policy.confine.read = vec![project.join("data").display().to_string()];
        let held = host.sbx(&policy, &second);
        assert!(!held.says("DONE"), "{held}");
        held.fails(FailureClass::SandboxUnavailable, None);
        assert!(held.message().contains("it is a link"), "{held}");
    }
}

/// A second name of a file would be the task's own: links do not leave a mount (strict), and need a right
/// where they come from (landlock).
fn hard_links_carry_nothing_out(host: &mut Host) {
    let script = python(
        "
t('secret', lambda: os.link('@HOME@/.ssh/id_test', 'secret'))
t('granted', lambda: os.link('@SHARED@/notes', 'granted'))
t('moved', lambda: os.rename('@SHARED@/notes', 'moved'))
t('system', lambda: os.link('/usr/bin/env', 'system'))
open('mine', 'w').close()
t('mine', lambda: os.link('mine', 'mine too'))
",
    );
    let off = host.sbx(
        &Policy::off(),
        &python("t('secret', lambda: os.link('@HOME@/.ssh/id_test', 'secret'))"),
    );
    off.does("secret");
    for level in host.levels() {
        let mut policy = Policy::at(level);
        policy.confine.read = vec![host.hello.shared.display().to_string()];
        let held = host.sbx(&policy, &script);
        held.refuses("secret", &["ENOENT", "EXDEV", "EACCES"]);
        for path in ["granted", "moved", "system"] {
            held.refuses(path, &["EXDEV", "EACCES", "EROFS", "EPERM"]);
        }
        held.does("mine");
    }
}

/// Temporary files are made anew for an attempt unless the last one left them as they were; whatever it
/// did to them, and to what leads to the places that are mounted among them.
fn temporary_files_tell_the_next_attempt_nothing(host: &mut Host) {
    let around = format!("/tmp/lent-{:?}", host.kind);
    let place = format!("{around}/place");
    host.plain(&format!(
        "rm -rf {around}; mkdir -p {place}; echo ours > {place}/f"
    ));
    let script = |tamper: &str| {
        let script = "
D = '@AROUND@'
def looks(path):
    found = os.stat(path)
    return oct(found.st_mode), found.st_mtime > 1000, sorted(os.listdir(path)), os.listxattr(path)
print('found', looks('/tmp'), looks(D), open('@AROUND@/place/f').read().strip(), os.path.realpath(D))
def write(path):
    with open(path, 'w') as file: file.write('left')
def move():
    os.rename(D, '/tmp/moved'); os.symlink('/usr', D)
t('tamper', lambda: @TAMPER@)
";
        python(
            &script
                .replace("@AROUND@", &around)
                .replace("@TAMPER@", tamper),
        )
    };
    let tampers = [
        "None",
        "os.chmod('/tmp', 0o1711)",
        "os.chmod(D, 0o711)",
        "os.setxattr('/tmp', 'user.x', b'left')",
        "os.setxattr(D, 'user.x', b'left')",
        "os.utime(D, (1, 1))",
        "write(D + '/beside')",
        "move()",
        "os.mkdir('/tmp/d')",
        "write('/dev/shm/x')",
        "None",
    ];
    for level in host.levels() {
        if level != SandboxLevel::Strict {
            // There are no temporary files but the attempt's own home.
            continue;
        }
        let mut policy = Policy::at(level);
        policy.confine.read = vec![place.clone()];
        let mut first = None;
        for tamper in tampers {
            let held = host.sbx(&policy, &script(tamper));
            held.succeeds();
            let found = held.line("found").expect("it says what it found");
            assert!(found.contains("ours"), "{held}");
            assert_eq!(
                first.get_or_insert_with(|| found.clone()),
                &found,
                "before {tamper}"
            );
            if host.kind == Kind::Ordinary || tamper.contains("/dev/shm") {
                held.does("tamper");
            }
        }
    }
    host.plain(&format!("rm -rf {around}"));
}
