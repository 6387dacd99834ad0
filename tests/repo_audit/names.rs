//! Names and texts that are hard to read or to pass on: bytes, controls, quotes, dashes, lengths.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use super::repository::{audit, holds, repository, run};
use crate::support::Place;

#[test]
fn hostile_file_names() {
    let place = Place::new();
    let root = repository(
        &place,
        "n=$(printf 'two\\nlines 12.py'); printf 'FIXME\\nx\\n' > \"$n\"\n\
         printf 'a\\n' > ' lead space.rs'; printf 'b\\n' > '-rf'; printf 'c\\n' > '$(id)`id`;x.sh'\n\
         printf 'q\\n' > \"'\"; printf 'q\\n' > '\"'; printf 'q\\n' > '--help.go'; printf 'q\\n' > ':(top)a.lua'\n\
         printf 'one\\n' > \"$(printf 'a\\001b\\033[2J.rb')\"\n\
         printf 'TODO\\n' > \"$(printf 'caf\\351.txt')\"; printf '\\000\\001' > binary.bin\n\
         git add -A; git commit -qm c",
    );
    let page = audit(&place, &root);
    holds(
        &page,
        &[
            "- Files: 11\n",
            "        2 lines      1 files  Python",
            "        1 lines      1 files  Go",
            "        1 lines      1 files  Lua",
            "        1 lines      1 files  Ruby",
            "        1 lines      1 files  Rust",
            "Lines with TODO, FIXME, XXX or HACK: 2; files: 2.",
            "     1 two?lines 12.py",
            " caf.txt",
        ],
    );
    assert!(!page.contains('\u{1b}'), "{page}");
}

#[test]
fn texts_that_are_not_utf_8() {
    let place = Place::new();
    let root = repository(
        &place,
        "printf 'caf\\351\\n' > latin.txt; printf '\\377\\376x\\0\\n\\0' > utf16.txt; git add -A\n\
         c=$(printf 'tree %s\\nauthor Ren\\351 \\033[2J <r@x> 1700000000 +0000\\ncommitter c <c@x> 1700000000 +0000\\n\\nm\\351ssage \\302\\233 \\342\\200\\256end\\n' \\\n\
             $(git write-tree) | git hash-object -t commit -w --stdin); git update-ref refs/heads/main $c\n\
         echo 2 > f; git add f\n\
         git -c i18n.commitEncoding=ISO-8859-1 commit -qm \"$(printf 'd\\351clar\\351')\"\n\
         git checkout -q -b \"$(printf 'br\\351nch`id`')\"",
    );
    let page = audit(&place, &root);
    holds(
        &page,
        &[
            "déclaré",
            " mssage  end\n",
            " Ren [2J\n",
            "` on branch `brnchid`\n",
            "        1 lines      1 files  Text",
        ],
    );
    assert!(!page.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{page}");
}

#[test]
fn commits_that_no_git_would_write() {
    let place = Place::new();
    let root = repository(
        &place,
        "tree=$(git mktree < /dev/null)\n\
         write() { git hash-object -t commit -w --stdin --literally; }\n\
         one=$(printf 'tree %s\\nauthor nobody\\ncommitter nobody\\n\\nno date\\n' $tree | write)\n\
         two=$(printf 'tree %s\\nparent %s\\nauthor <> 99999999999999999999 +9999\\ncommitter <> -5 x\\n' $tree $one | write)\n\
         git update-ref refs/heads/main $two",
    );
    let page = audit(&place, &root);
    holds(
        &page,
        &[
            "- Commits reachable from it: 2\n",
            "- Files: 0\n",
            "0 lines of text.",
        ],
    );
}

#[test]
fn the_longest_names_and_deep_paths() {
    let place = Place::new();
    let root = repository(
        &place,
        "name=$(printf '%0255d' 7); printf 'TODO\\n' > \"$name\"\n\
         printf 'é%.0s' $(seq 127) > list; printf 'x\\n' > \"$(cat list)\"; rm list\n\
         git add -A; git commit -qm c\n\
         deep=$(printf '%0255d/' $(seq 100))x.c\n\
         { printf 'commit refs/heads/main\\ncommitter a <b> 1 +0000\\ndata 1\\nd\\nfrom refs/heads/main^0\\n'\n\
           printf 'M 644 inline %s\\ndata 5\\nTODO\\n\\n' \"$deep\"; } | git fast-import --quiet",
    );
    let page = audit(&place, &root);
    holds(
        &page,
        &[
            "- Files: 3\n",
            "        1 lines      1 files  C\n",
            "Lines with TODO, FIXME, XXX or HACK: 2; files: 2.",
        ],
    );
    assert!(page.lines().all(|line| line.len() <= 130), "{page}");
}

#[test]
fn directories_of_any_name() {
    let place = Place::new();
    let root = repository(&place, "echo x > f; git add f; git commit -qm c");
    for name in [
        "-n",
        "two\nlines",
        "a 'b' \"c\" $(id) `id` \\n",
        "\u{1f980}",
        ":(top)",
    ] {
        let moved = place.work().join(name);
        fs_err::rename(&root, &moved).unwrap();
        let page = audit(&place, &moved);
        let shown = name.replace(['\n', '`'], "");
        holds(&page, &[&format!("# Audit of `{shown}`\n"), "- Files: 1\n"]);
        fs_err::rename(&moved, &root).unwrap();
    }
    let moved = place.work().join(OsStr::from_bytes(b"caf\xe9"));
    fs_err::rename(&root, &moved).unwrap();
    let said = run(&place, &moved, &[]).expect(2).stderr;
    assert!(said.contains("UTF-8"), "{said}");
    let link = place.work().join("cafe");
    symlink(&moved, &link).unwrap();
    holds(
        &audit(&place, &link),
        &["# Audit of `cafe`\n", "- Files: 1\n"],
    );
}
