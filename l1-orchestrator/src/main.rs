//! The binary: the launcher's hidden entry, or the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let program = args.next();
    let mut rest = args.peekable();
    // Before any thread and any other work: the launcher is to be a small, single-threaded process.
    if rest
        .next_if(|word| word == l3_worker::launcher::WORD)
        .is_some()
    {
        return l3_worker::launcher::entry(rest);
    }
    let args = program.into_iter().chain(rest).collect();
    ExitCode::from(l1_orchestrator::run(args, l1_orchestrator::Io::process()))
}
