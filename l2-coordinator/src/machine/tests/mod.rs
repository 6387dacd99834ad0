//! The machine from outside: inputs in, and the complete list of what follows.

mod asking;
mod asking_properties;
mod cancelling;
mod carried;
mod claims;
mod expanded;
mod fan_out;
mod hostile;
mod leases;
mod nested;
mod pausing;
mod pools;
mod prompting;
mod properties;
mod rendering;
mod reports;
mod results;
mod resuming;
mod scheduling;
mod semantics;
