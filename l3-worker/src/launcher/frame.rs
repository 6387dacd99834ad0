//! What worker, launcher and slot process say to each other: the kinds of frames.

/// Worker to launcher, with the slot's socket and tomb: start a slot process of this number (u32)
/// whose attempts are confined or not (u8).
pub(super) const START_SLOT: u8 = 1;
/// Worker to launcher: this slot process (u32) does not answer; kill it and what it runs.
pub(super) const KILL_SLOT: u8 = 7;
/// Worker to slot, first and once: [`Confinement`](crate::sandbox::Confinement).
pub(super) const SETUP: u8 = 8;
/// Slot to worker, once: what cannot be promised, a list of guarantees.
pub(super) const READY: u8 = 9;
/// Slot to worker, instead: [`Unavailable`](super::Unavailable); the slot process ends.
pub(super) const UNAVAILABLE: u8 = 10;
/// Worker to slot, with the write ends of two pipes: [`Spawn`](super::Spawn).
pub(super) const SPAWN: u8 = 2;
/// Worker to slot: SIGTERM to the tree, SIGKILL after a grace in milliseconds (u32).
pub(super) const TERMINATE: u8 = 3;
/// Worker to slot: SIGKILL to the tree.
pub(super) const KILL: u8 = 4;
/// Slot to worker: [`Exit`](super::Exit), the tree is dead.
pub(super) const EXITED: u8 = 5;
/// Slot to worker: nothing was started; errno (i32).
pub(super) const SPAWN_FAILED: u8 = 6;

/// An errno, a grace period in milliseconds, or a slot process's number.
pub(super) fn decode_u32(body: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(body.try_into().ok()?))
}

/// What [`START_SLOT`] says.
pub(super) fn encode_start(number: u32, confined: bool) -> [u8; 5] {
    let [a, b, c, d] = number.to_le_bytes();
    [a, b, c, d, u8::from(confined)]
}

/// What [`encode_start`] wrote.
pub(super) fn decode_start(body: &[u8]) -> Option<(u32, bool)> {
    let (number, confined) = body.split_first_chunk()?;
    Some((u32::from_le_bytes(*number), confined == [1]))
}
