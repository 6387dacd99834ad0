//! A pack as typed: any name or file; the packs that come with orchestra are proposed by shells.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Takes every text that can name a pack.
#[derive(Clone)]
pub struct PackName;

impl TypedValueParser for PackName {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        let text = value.to_str().filter(|text| !text.is_empty());
        text.map(str::to_owned).ok_or_else(|| {
            let mut error = clap::Error::new(ErrorKind::ValueValidation).with_cmd(command);
            if let Some(arg) = arg {
                let name = ContextValue::String(arg.to_string());
                error.insert(ContextKind::InvalidArg, name);
            }
            let shown = value.to_string_lossy().into_owned();
            error.insert(ContextKind::InvalidValue, ContextValue::String(shown));
            error
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names = protocol::policy::BUILTIN_PACKS.into_iter();
        Some(Box::new(names.map(PossibleValue::new)))
    }
}
