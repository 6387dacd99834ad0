//! What attempts tried and were denied is told, and telling changes nothing of what becomes of them.

use std::path::Path;

use l3_worker::launcher::Exit;
use l3_worker::sandbox::Confinement;
use protocol::policy::{Confine, SandboxLevel};

use crate::support::attempts::{Slot, script, with};
use crate::support::launcher;

/// `action target`, what is told of this script at this level.
fn told(level: SandboxLevel, confine: Confine, text: &str) -> (Vec<String>, String) {
    let dir = tempfile::tempdir().unwrap();
    let launcher = launcher();
    let confinement = Confinement {
        level,
        ..with(dir.path(), confine)
    };
    let mut slot = Slot::new(&launcher, &confinement);
    let env = [("PATH", "/usr/local/bin:/usr/bin:/bin")];
    let (exit, said) = slot.run(&script(text, dir.path(), &env));
    (actions(&exit, dir.path()), said)
}

fn actions(exit: &Exit, work: &Path) -> Vec<String> {
    let work = work.to_str().unwrap();
    let told = exit.denied.iter().map(|one| {
        let target = one.target.replace(work, "WORK");
        format!("{} {target}", one.action).trim_end().to_owned()
    });
    told.collect()
}

const CONFINED: [SandboxLevel; 2] = [SandboxLevel::Strict, SandboxLevel::Landlock];

#[test]
fn files_that_could_not_be_written_are_named() {
    for level in CONFINED {
        let text = "echo x > here; echo y >> here; cat here; (echo x > /etc/passwd) 2>&1; \
            (echo x >> ../../../../../../../etc/hosts) 2>/dev/null; echo x > /dev/null; echo end";
        let (told, said) = told(level, Confine::CLOSED, text);
        assert_eq!(told, ["write /etc/hosts", "write /etc/passwd"], "{said}");
        assert!(said.starts_with("x\ny\n") && said.contains("end"), "{said}");
    }
}

#[test]
fn calls_of_attackers_are_named_and_counted() {
    for level in CONFINED {
        let text = "for i in 1 2 3; do unshare -U true; done; unshare -n true; echo end";
        let (told, said) = told(level, Confine::CLOSED, text);
        assert_eq!(told, ["unshare user", "unshare network"], "{said}");
        assert!(said.contains("end"));
    }
}

#[test]
fn connections_that_could_not_be_made_are_named() {
    let text = "exec 2>&1; bash -c 'exec 3<>/dev/tcp/192.0.2.7/443'; bash -c 'echo x > /dev/udp/192.0.2.8/53'; \
        bash -c 'exec 3<>/dev/tcp/127.0.0.1/9'; echo end";
    let (strict, said) = told(SandboxLevel::Strict, Confine::CLOSED, text);
    assert_eq!(
        strict,
        ["connect 192.0.2.7:443", "connect 192.0.2.8:53"],
        "{said}"
    );
    let (landlock, said) = told(SandboxLevel::Landlock, Confine::CLOSED, text);
    assert_eq!(landlock, ["socket inet"], "{said}");
}

#[test]
fn what_runs_well_has_nothing_to_tell() {
    let text = "mkdir d; for i in 1 2 3 4 5; do echo $i > d/$i; done; cat d/*; ls -l /usr > list; sort list \
        > sorted; rm -r d; echo $HOME > /dev/null; exec 3> three; echo x >&3; id > /dev/null; echo end";
    for level in CONFINED {
        let (told, said) = told(level, Confine::CLOSED, text);
        assert_eq!(told, [] as [&str; 0], "{said}");
        assert!(said.ends_with("end\n"), "{said}");
    }
}

#[test]
fn nothing_is_looked_at_without_a_sandbox() {
    let (told, said) = told(
        SandboxLevel::None,
        Confine::CLOSED,
        "echo x > ../x; echo end",
    );
    assert_eq!(told, [] as [&str; 0], "{said}");
}

#[test]
fn what_is_left_behind_is_answered_until_it_ends() {
    let text = "(trap 'echo late > late; cat late; exit' TERM; while :; do sleep 0.02; done) & sleep 0.1; echo end";
    for level in CONFINED {
        let (told, said) = told(level, Confine::CLOSED, text);
        assert_eq!(told, [] as [&str; 0]);
        assert!(said.starts_with("end\nlate\n"), "{said}");
    }
}
