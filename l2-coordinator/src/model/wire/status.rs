//! What a status of HTTP means for a call, and what a person can do about it, whoever the provider is.

use crate::model::ErrorKind;

/// Kind and help. A provider's own words can say more.
pub(crate) const fn by_status(status: u16) -> (ErrorKind, Option<&'static str>) {
    match status {
        300..=399 => (
            ErrorKind::Fatal,
            Some("the base URL redirects elsewhere, and keys do not follow; set the final one"),
        ),
        401 => (
            ErrorKind::Fatal,
            Some("the key was not accepted; check where it comes from, and that it is not revoked"),
        ),
        402 => (
            ErrorKind::Fatal,
            Some("the account cannot be billed; check it in the provider's console"),
        ),
        403 => (
            ErrorKind::Fatal,
            Some("this key may not do that; check its workspace and the model's availability"),
        ),
        404 => (
            ErrorKind::Fatal,
            Some("check the model's name and the base URL"),
        ),
        408 | 409 | 429 => (ErrorKind::Transient, None),
        413 => (ErrorKind::Refused, Some("give less context")),
        500.. => (ErrorKind::Transient, None),
        _ => (ErrorKind::Refused, None),
    }
}
