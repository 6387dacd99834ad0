//! The journal against damage, power cuts, full disks and second holders.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test they help"
)]

mod builder;
mod damage;
mod full_disk;
mod keys;
mod lock;
mod power;
mod tmpfs;
mod writing;
