//! Whether the model of the settings can be asked: where its key, its address and its program are, and,
//! only where somebody wants to know, what its provider says. Nothing here costs a token.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use l2_coordinator::model::{Address, ErrorKind, Limits, ModelError};

use super::build::{address_of, anthropic, claude_code, open_ai};
use super::keys;
use crate::cli::error::CliError;
use crate::settings::{Models, Provider};

/// For one look-up: somebody waits for it.
const LOOK: Duration = Duration::from_secs(15);
/// Between looks at a program that is to say its version.
const POLL: Duration = Duration::from_millis(20);
/// Models that are named where the one that is wanted is not among them.
const MAX_NAMED: usize = 5;
/// Bytes of what a program says of itself.
const MAX_SAID: usize = 80;

/// Where the key of the settings' provider is.
///
/// # Errors
/// It is not where it should be.
pub fn key_place(settings: &Models) -> Result<String, CliError> {
    let provider = settings.model.value.provider;
    let found = keys::find(&settings.key, provider)?;
    Ok(keys::place(&settings.key.value, &found, provider))
}

/// Where the settings' provider is.
///
/// # Errors
/// What is said is no address.
pub fn address(settings: &Models) -> Result<Address, CliError> {
    address_of(settings)
}

/// Asks the provider whether it has the model and takes the key; what it says.
///
/// # Errors
/// It cannot be asked, or has something against it.
pub fn look_up(settings: &Models) -> Result<String, CliError> {
    let name = settings.model.value.name.as_str();
    let found = keys::find(&settings.key, settings.model.value.provider)?;
    let limits = Limits {
        wall: LOOK,
        idle: LOOK,
        connect: LOOK,
        tries: 1,
        ..Limits::default()
    };
    match settings.model.value.provider {
        Provider::Anthropic => {
            let client = anthropic(settings, found, limits)?;
            let known = wait(client.model_info(name))?.map_err(unanswered)?;
            let said = known.display_name.unwrap_or(known.id);
            let lifecycle = known.lifecycle.filter(|word| word != "active");
            Ok(match lifecycle {
                Some(word) => format!("it answers: {said}, {word}"),
                None => format!("it answers: {said}"),
            })
        }
        Provider::Openai => {
            let client = open_ai(settings, &found, limits)?;
            let names = wait(client.models())?.map_err(unanswered)?;
            if names.iter().any(|one| one == name) {
                return Ok(format!("it answers, and has {name}"));
            }
            let message = format!("it answers, and has no model `{name}`");
            let error = CliError::not_ready("model-unknown", message);
            Err(match names.is_empty() {
                true => error.hint("load a model into the server"),
                false => {
                    let named: Vec<&str> =
                        names.iter().take(MAX_NAMED).map(String::as_str).collect();
                    error.hint(format!(
                        "name one that it has, such as {}",
                        named.join(", ")
                    ))
                }
            })
        }
        Provider::ClaudeCode => {
            let options = claude_code(settings, &found);
            let mut command = Command::new(&options.program);
            command
                .env_clear()
                .envs(&options.env)
                .env("HOME", &options.home);
            version(command.arg("--version"), &options.program)
        }
        Provider::Scripted => Ok("a script answers; nobody is asked".into()),
    }
}

fn wait<T>(asked: impl Future<Output = T>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| {
        CliError::not_ready("runtime-unready", "the runtime cannot be started").because(error)
    })?;
    Ok(runtime.block_on(asked))
}

fn unanswered(error: ModelError) -> CliError {
    let later = (error.kind == ErrorKind::Transient).then(|| "ask again later".to_owned());
    let unready = CliError::not_ready("model-failed", error.message);
    unready.maybe_hint(error.help.or(later))
}

/// What a program says its version is.
fn version(command: &mut Command, program: &Path) -> Result<String, CliError> {
    let shown = program.display();
    let failed = |what: &str| {
        let message = format!("`{shown} --version` {what}");
        let hint = format!("run `{shown} --version` yourself, and mend what it says");
        CliError::not_ready("model-program", message).hint(hint)
    };
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.map_err(|error| failed("cannot be started").because(error))?;
    let until = Instant::now() + LOOK;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < until => std::thread::sleep(POLL),
            // What fills its pipe and waits is of no use, either.
            Ok(None) | Err(_) => {
                let _gone = child.kill();
                let _reaped = child.wait();
                return Err(failed("does not end"));
            }
        }
    };
    if !status.success() {
        return Err(failed(&format!("fails: {status}")));
    }
    let mut said = [0; MAX_SAID];
    let read = child.stdout.take().map_or(0, |mut stdout| {
        // What it left behind may keep the pipe open, and say no more.
        let free = rustix::io::ioctl_fionbio(&stdout, true);
        free.map_or(0, |()| stdout.read(&mut said).unwrap_or(0))
    });
    let said = String::from_utf8_lossy(&said[..read]);
    let line = said.lines().next().unwrap_or_default();
    Ok(format!("it answers: {line}"))
}
