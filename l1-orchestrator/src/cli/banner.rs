//! The line that says that a run is confined less than by `strict`, and whose choice that is. `--quiet`
//! does not hide it.

use protocol::policy::SandboxLevel;

use super::context::Context;
use crate::report::words;
use crate::settings::Setting;
use crate::ui::Tone;

/// Says what a level leaves open to tasks, if anything. To be said once lines are queued: a terminal that
/// takes no more is not waited for.
pub(super) fn banner(
    context: &Context,
    (level, pack): (SandboxLevel, &str),
    chosen: Option<&Setting<SandboxLevel>>,
) {
    let Some(open) = words::left_open(level) else {
        return;
    };
    let chosen = chosen.filter(|chosen| chosen.value == level);
    let origin = chosen.map_or_else(
        || format!("policy {pack}"),
        |chosen| chosen.origin.to_string(),
    );
    let tone = match level {
        SandboxLevel::None => Tone::Bad,
        SandboxLevel::Landlock | SandboxLevel::Strict => Tone::Warn,
    };
    let painter = context.ui.err_painter();
    let word = painter.paint(tone, &format!("SANDBOX {level}"));
    context.ui.say(&format!("{word}: {open} ({origin})"));
}
