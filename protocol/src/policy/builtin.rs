//! The packs of this build.

/// Their names.
pub const BUILTIN_PACKS: [&str; 4] = ["default", "strict", "build", "open"];

/// The text of one of them.
#[must_use]
pub fn builtin_pack(name: &str) -> Option<&'static str> {
    Some(match name {
        "default" => include_str!("../../../policies/default.yaml"),
        "strict" => include_str!("../../../policies/strict.yaml"),
        "build" => include_str!("../../../policies/build.yaml"),
        "open" => include_str!("../../../policies/open.yaml"),
        _ => return None,
    })
}
