//! Models that are other programs, against programs that stand in for them.
//!
//! Each module says `cfg(test)`, so that helpers may `unwrap` as tests do.

#[cfg(test)]
mod claude_code;
