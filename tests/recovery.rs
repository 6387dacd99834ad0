//! A run that was interrupted anywhere ends as the undisturbed one does: same verdicts, same outputs,
//! same artifacts, and nothing that was done is done again.

mod cuts;
mod damage;
mod story;
