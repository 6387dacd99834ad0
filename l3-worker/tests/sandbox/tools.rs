//! What must go on working: compilers, interpreters, build systems, debuggers.

use protocol::policy::SandboxLevel;

use crate::support::{Host, Policy, bash, python};

cases!(
    p01_a_c_program_is_compiled_and_run,
    p02_a_python_environment_and_its_pool,
    p04_node_has_web_assembly,
    p05_cargo_builds_offline,
    p10_a_debugger_where_the_policy_says_so,
    make_in_parallel,
);

fn p01_a_c_program_is_compiled_and_run(host: &mut Host) {
    let script = bash(
        "printf '#include <stdio.h>\\nint main(void){puts(\"compiled\");return 0;}' > h.c && cc -O1 h.c && ./a.out",
    );
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &script);
        held.succeeds();
        assert_eq!(held.out(), "compiled\n", "{held}");
    }
}

fn p02_a_python_environment_and_its_pool(host: &mut Host) {
    let script = "set -e; /usr/bin/python3 -m venv @PIP@ v; cat > pool.py <<'EOF'
import ssl, sqlite3, multiprocessing as m, sys
if __name__ == '__main__':
    sqlite3.connect('db').execute('create table t(x)')
    print(sys.prefix != sys.base_prefix)
    if len(sys.argv) > 1: print(sum(m.Pool(2).map(abs, range(-9, 0))))
EOF
v/bin/python pool.py @POOL@";
    for level in host.levels() {
        // Its own package installer takes seconds to unpack: once is enough.
        let strict = level == SandboxLevel::Strict;
        let script = script.replace("@PIP@", if strict { "" } else { "--without-pip" });
        // At landlock there is no `/dev/shm` of its own, and nobody may write to everybody's.
        let script = script.replace("@POOL@", if strict { "pool" } else { "" });
        let held = host.sbx(&Policy::at(level).roomy(), &bash(&script));
        held.succeeds();
        assert_eq!(
            held.out(),
            if strict { "True\n45\n" } else { "True\n" },
            "{held}"
        );
    }
}

fn p04_node_has_web_assembly(host: &mut Host) {
    if !std::path::Path::new("/usr/bin/node").exists() {
        eprintln!("SKIPPED p04_node_has_web_assembly: no /usr/bin/node");
        return;
    }
    let script = bash(
        "node -e 'const m = new WebAssembly.Memory({initial: 1}); console.log(m.buffer.byteLength); \
        require(\"child_process\").execSync(\"true\"); new (require(\"worker_threads\").Worker)(\"1\", {eval: true})'",
    );
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level).roomy(), &script);
        held.succeeds();
        assert_eq!(held.out(), "65536\n", "{held}");
    }
}

fn p05_cargo_builds_offline(host: &mut Host) {
    let Some(toolchain) = host.hello.toolchain.clone() else {
        eprintln!("SKIPPED p05_cargo_builds_offline: no rustc");
        return;
    };
    let script = bash(
        "set -e; cargo init -q --vcs none --name tiny .; cargo build -q --offline -j 2; target/debug/tiny",
    );
    for level in host.levels() {
        let mut policy = Policy::at(level).roomy();
        policy.confine.read = vec![toolchain.display().to_string()];
        policy.confine.path = vec![toolchain.join("bin").display().to_string()];
        let held = host.sbx(&policy, &script);
        held.succeeds();
        assert_eq!(held.out(), "Hello, world!\n", "{held}");
    }
}

/// Denied by the system call filter unless the policy says so; then only its own processes.
fn p10_a_debugger_where_the_policy_says_so(host: &mut Host) {
    let script =
        bash("strace -f -o trace -e trace=execve true; echo \"traced $?\"; head -n 1 trace");
    let gdb = bash("gdb -q -batch -ex run -ex bt --args /bin/true 2>&1 | tail -n 3");
    let others = python("t('victim', lambda: call(101 if X86 else 117, 0x4206, @VICTIM@, 0, 0))");
    for level in host.levels() {
        let mut policy = Policy::at(level).roomy();
        let held = host.sbx(&policy, &script);
        assert!(
            held.says("Operation not permitted") && !held.says("traced 0"),
            "{held}"
        );
        policy.confine.debug = true;
        let held = host.sbx(&policy, &script);
        assert!(held.says("traced 0") && held.says("execve("), "{held}");
        if std::path::Path::new("/usr/bin/gdb").exists() {
            let held = host.sbx(&policy, &gdb);
            assert!(
                held.says("exited normally") || held.says("No stack"),
                "{held}"
            );
        }
        host.sbx(&policy, &others)
            .refuses("victim", &["ESRCH", "EPERM"]);
    }
}

fn make_in_parallel(host: &mut Host) {
    let script = bash(
        "printf 'all: a b c d\\n%%:\\n\\t@sleep 0.05; echo $@ > $@\\n' > Makefile; make -s -j4 && cat a b c d | wc -l",
    );
    for level in host.levels() {
        let held = host.sbx(&Policy::at(level), &script);
        held.succeeds();
        assert_eq!(held.out().trim(), "4", "{held}");
    }
}
