//! What an attempt tried and was denied, as far as its filter tells: connections where there is no
//! network, files opened for writing that cannot be written, and calls of attackers and debuggers.
//!
//! Looking never changes an outcome: the answer to a call is what the kernel would have done without
//! asking. So what is reported may miss something (an argument that changed meanwhile, a file that is
//! new), and nothing rests on it.

mod caller;
mod judge;
mod listener;
mod open;
mod tally;
mod watch;

pub(crate) use listener::Request;
pub(crate) use open::Open;
pub(crate) use watch::Watch;
