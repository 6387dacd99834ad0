//! What the cases share: hosts, the policy they run under, what came out, and what must hold after
//! every single attempt.

mod host;
mod outcome;
mod policy;
mod universal;
#[path = "../../fixture/host/words.rs"]
mod words;

pub use host::{Host, Kind, on};
pub use outcome::Outcome;
pub use policy::{Payload, Policy};

use protocol::policy::SandboxLevel;

/// Every case as a test of each user. The functions are in the module that invokes this.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        mod root {
            use crate::support::{Kind, on};
            $(#[test] fn $case() { on(Kind::Root, stringify!($case), super::$case); })*
        }
        mod ordinary {
            use crate::support::{Kind, on};
            $(#[test] fn $case() { on(Kind::Ordinary, stringify!($case), super::$case); })*
        }
    };
}

/// The beginning of every Python payload: `t` says what became of an attempt by its error's name.
pub const TRY: &str = "
import ctypes, errno, os, platform, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def t(what, f):
    try: print(what, 'DONE', f(), flush=True)
    except OSError as e: print(what, errno.errorcode.get(e.errno, e.errno or e), flush=True)
    except Exception as e: print(what, type(e).__name__, e, flush=True)
def call(*args):
    r = libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
    if r < 0: raise OSError(ctypes.get_errno(), '')
    return r
X86 = platform.machine() == 'x86_64'
";

/// What a level gives, where levels differ.
pub fn by<T>(level: SandboxLevel, strict: T, landlock: T) -> T {
    match level {
        SandboxLevel::Strict => strict,
        SandboxLevel::Landlock => landlock,
        SandboxLevel::None => panic!("nothing is stopped at level none"),
    }
}

/// Python source of a payload.
pub fn python(text: &str) -> Payload {
    Payload::Python(format!("{TRY}{text}"))
}

/// Bash source of a payload.
pub fn bash(text: &str) -> Payload {
    Payload::Bash(text.to_owned())
}
