//! Repositories that want git to run something. Every trap is first shown to work on a git that is
//! not told otherwise.

use std::path::Path;

use super::repository::{audit, holds, owned, repository, run, sh};
use crate::support::Place;

/// Names of traps that went off, which is forgotten then.
fn sprung(place: &Place) -> Vec<String> {
    let mut names: Vec<_> = fs_err::read_dir(owned(place))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    fs_err::remove_dir_all(owned(place)).unwrap();
    fs_err::create_dir(owned(place)).unwrap();
    names
}

/// Configuration, attributes, hooks, signatures, look and place of files.
#[test]
fn what_its_configuration_names_does_not_run() {
    let place = Place::new();
    fs_err::create_dir(owned(&place)).unwrap();
    let root = repository(
        &place,
        "printf 'TODO\\n' > a.txt; git add -A; git commit -qm one; printf 'TODO\\nb\\n' > a.txt; git commit -qam two\n\
         c=$(git cat-file commit HEAD | sed '/^committer/a gpgsig -----BEGIN PGP SIGNATURE-----\\n x\\n -----END PGP SIGNATURE-----' \\\n\
             | git hash-object -t commit -w --stdin); git update-ref HEAD $c\n\
         printf '*.txt diff=trap filter=trap\\n' > .git/info/attributes\n\
         bait() { git config \"$2\" \"touch '$OWNED/$1'; ${3:-false}\"; }\n\
         bait fsmonitor core.fsmonitor; bait external diff.external; bait textconv diff.trap.textconv 'cat'\n\
         bait clean filter.trap.clean cat; bait smudge filter.trap.smudge cat; bait pager core.pager cat\n\
         bait pager pager.log cat; bait pager pager.grep cat; bait alias alias.x; bait alias alias.log\n\
         printf '#!/bin/sh\\ntouch \"%s/gpg\"\\n' \"$OWNED\" > .git/gpg; chmod +x .git/gpg\n\
         git config gpg.program \"$PWD/.git/gpg\"; git config log.showSignature true\n\
         mkdir .git/traps; git config core.hooksPath \"$PWD/.git/traps\"\n\
         for hook in post-index-change reference-transaction post-checkout pre-auto-gc post-rewrite fsmonitor-watchman; do\n\
           printf '#!/bin/sh\\ntouch \"%s/hook\"\\n' \"$OWNED\" > .git/traps/$hook; chmod +x .git/traps/$hook; done\n\
         git config color.ui always; git config color.grep always; git config grep.lineNumber true\n\
         git config grep.patternType fixed; git config core.quotePath true; git config log.date raw",
    );
    sh(
        &place,
        &root,
        "git status > /dev/null; git diff HEAD^ HEAD > /dev/null 2>&1 || true; git log -1 > /dev/null\n\
         git -c diff.external= log -p --textconv > /dev/null; git update-ref refs/heads/y HEAD; git update-ref -d refs/heads/y\n\
         git cat-file --filters HEAD:a.txt > /dev/null; echo z > b.txt; git add b.txt; git rm -qf b.txt",
    );
    let all = [
        "clean",
        "external",
        "fsmonitor",
        "gpg",
        "hook",
        "smudge",
        "textconv",
    ];
    assert_eq!(sprung(&place), all, "the traps work");

    // A place of work that is somebody else's, with a list of names that never ends.
    let elsewhere = place.dir("home").join("elsewhere");
    fs_err::create_dir(&elsewhere).unwrap();
    sh(&place, &elsewhere, "mkfifo .mailmap .gitattributes");
    let config = format!(
        "git config core.worktree '{}'; git config mailmap.file '{0}/.mailmap'",
        elsewhere.display()
    );
    sh(
        &place,
        &root,
        &format!(
            "{config}; git config core.attributesFile '{}/.gitattributes'",
            elsewhere.display()
        ),
    );
    let page = audit(&place, &root);
    assert_eq!(sprung(&place), Vec::<String>::new());
    holds(
        &page,
        &[
            "        2 lines      1 files  Text\n",
            "     1 a.txt\n",
            "      2 Someone\n",
            "- Files: 1\n",
        ],
    );
}

/// Git fetches what a partial clone has not, by a program of the repository's choice.
#[test]
fn nothing_is_fetched_by_its_commands() {
    let place = Place::new();
    fs_err::create_dir(owned(&place)).unwrap();
    let root = repository(
        &place,
        "echo x > f; echo 'A <a@b>' > .mailmap; git add -A; git commit -qm c; git config uploadpack.allowFilter true\n\
         git clone -q --filter=blob:none --no-checkout \"file://$PWD\" ../partial; cd ../partial\n\
         git config core.sshCommand \"touch '$OWNED/ssh'; false\"\n\
         git config remote.origin.uploadpack \"touch '$OWNED/uploadpack'; false\"\n\
         git config protocol.ext.allow always; git config protocol.allow always",
    );
    let partial = root.with_file_name("partial");
    for (trap, url) in [
        ("uploadpack", format!("file://{}", root.display())),
        ("ssh", "ssh://nobody@localhost/x".to_owned()),
        (
            "ext",
            format!("ext::sh -c touch% {}/ext", owned(&place).display()),
        ),
    ] {
        sh(
            &place,
            &partial,
            &format!(
                "git config remote.origin.url '{url}'\ngit cat-file blob HEAD:f > /dev/null 2>&1 || true"
            ),
        );
        assert_eq!(sprung(&place), [trap], "the trap works");
        holds(&audit(&place, &partial), &["- Partial clone: 2 objects"]);
        assert_eq!(sprung(&place), Vec::<String>::new());
    }
}

/// Git refuses to read what belongs to somebody else, because of traps as above.
#[test]
fn one_that_belongs_to_somebody_else() {
    let place = Place::new();
    let root = repository(&place, "echo x > f; git add f; git commit -qm c");
    let tools = place.dir("home").join("bin");
    fs_err::create_dir(&tools).unwrap();
    // Git's own switch for its tests: every repository is somebody else's.
    let script = "printf '#!/bin/sh\\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec %s \"$@\"\\n' \"$(command -v git)\" > git\n\
                  chmod +x git; ! PATH=\"$PWD:$PATH\" git -C ../../work/repo log 2> said; grep -q 'dubious ownership' said";
    sh(&place, &tools, script);
    let mut path = tools.into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let input = format!("root={}", root.display());
    let scenario = super::repository::scenario();
    let args = [
        "run".as_ref(),
        scenario.as_os_str(),
        "-i".as_ref(),
        input.as_ref(),
    ];
    place.orchestra(args).env("PATH", path).run().expect(0);
    holds(
        &place.run_file("artifacts/report/audit.md"),
        &["- Files: 1\n"],
    );
}

/// `.gitmodules` may name commands, and paths outside.
#[test]
fn submodules_with_commands() {
    let place = Place::new();
    fs_err::create_dir(owned(&place)).unwrap();
    let root = repository(
        &place,
        "echo x > f; git add f; git commit -qm c\n\
         printf '[submodule \"../../x\"]\\n\\tpath = sub\\n\\turl = -u./payload\\n\\tupdate = !touch %s/update\\n' \"$OWNED\" > .gitmodules\n\
         git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),sub; git add .gitmodules; git commit -qm d\n\
         git config submodule.recurse true; git config diff.ignoreSubmodules none",
    );
    holds(
        &audit(&place, &root),
        &["- Files: 2\n", "- Submodules: 1, not audited here\n"],
    );
    assert_eq!(sprung(&place), Vec::<String>::new());
    let said = run(&place, Path::new(&root).join("sub").as_path(), &[])
        .expect(1)
        .stderr;
    assert!(said.contains("No such file or directory"), "{said}");
}
