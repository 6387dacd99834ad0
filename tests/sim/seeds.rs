//! Seeds that once failed, or fail when a safeguard is taken away, each with its story. Played with
//! every run of the suite, whatever its range. Changing what a seed rolls makes new ones necessary:
//! take the safeguard away, play a range, and keep the first seed that notices.

/// Seed and what it found, or would find.
pub(super) const REGRESSIONS: &[(u64, &str)] = &[
    (
        21,
        "a message told twice was claimed by two slots of one worker, and both ran it",
    ),
    (
        24,
        "a worker claimed again what it was through with, before its result was read, and ran a done \
         task again",
    ),
    (
        346,
        "the answer to a claim was lost, the run was cancelled, and the task stayed held for ever",
    ),
    (
        1_042_437,
        "a remote worker went on to its next attempt before the end of the last one was certain; after a \
         power cut the next coordinator ran that attempt beside it",
    ),
    (
        1331,
        "after a resume a worker's next life took over a lease under which the first could still run",
    ),
    (
        88,
        "without the sync before a grant, a power cut forgets a lease under which a host works",
    ),
    (
        152,
        "without the fence, a late result ends a task that runs elsewhere",
    ),
    (
        155,
        "without a worker's own fence, a task runs on two hosts at once",
    ),
    (
        205,
        "without the sync of an epoch, two lives hand out the same lease",
    ),
    (
        1,
        "without the sync of a task's end, its dependents start on what a power cut takes back",
    ),
];
