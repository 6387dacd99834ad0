//! Who answers, by which name, and where its key is: the words of settings as values.

use std::path::PathBuf;

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Claude by its Messages API.
    Anthropic,
    /// `claude -p`.
    ClaudeCode,
    /// Any server of the chat completions interface.
    Openai,
    /// Replies that a person wrote into a file.
    Scripted,
}

impl Provider {
    const ALL: [(&'static str, Self); 4] = [
        ("anthropic", Self::Anthropic),
        ("claude-code", Self::ClaudeCode),
        ("openai", Self::Openai),
        ("scripted", Self::Scripted),
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let one = Self::ALL.iter().find(|(_, provider)| *provider == self);
        one.map_or("", |(word, _)| word)
    }
}

/// A provider and the name of one of its models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Who.
    pub provider: Provider,
    /// As the provider spells it.
    pub name: String,
}

impl Named {
    /// Longest name of a model.
    const MAX_NAME: usize = 128;

    /// Who is asked unless anybody says otherwise.
    #[must_use]
    pub fn usual() -> Self {
        Self {
            provider: Provider::Anthropic,
            name: "claude-opus-5-5".into(),
        }
    }

    /// The quick and cheap one beside it.
    #[must_use]
    pub fn usual_fast() -> Self {
        Self {
            provider: Provider::Anthropic,
            name: "claude-haiku-5-5".into(),
        }
    }

    /// From `provider/name`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (provider, name) = text.split_once('/')?;
        let known = Provider::ALL.iter().find(|(word, _)| *word == provider);
        let (_, provider) = *known?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:/@+".contains(c);
        let fits = !name.is_empty()
            && name.len() <= Self::MAX_NAME
            && name.chars().all(plain)
            && !name.starts_with('-');
        fits.then(|| Self {
            provider,
            name: name.to_owned(),
        })
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.provider.as_str(), self.name)
    }
}

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The variable that the provider's own tools read.
    Auto,
    /// There is none, as for a server on this machine.
    None,
    /// This variable.
    Env(String),
    /// The first line of this file.
    File(PathBuf),
}

impl KeySource {
    /// From its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_variable = |name: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
            !name.is_empty() && name.bytes().all(plain) && !name.as_bytes()[0].is_ascii_digit()
        };
        match text.split_once(':') {
            None if text == "auto" => Some(Self::Auto),
            None if text == "none" => Some(Self::None),
            Some(("env", name)) if is_variable(name) => Some(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() && !path.contains('\0') => {
                Some(Self::File(path.into()))
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::None => f.write_str("none"),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_named_with_their_provider() {
        for (text, fits) in [
            ("anthropic/claude-opus-5-5", true),
            ("claude-code/sonnet", true),
            ("openai/qwen3:14b", true),
            ("openai/meta-llama/Llama-4", true),
            ("claude-opus-5-5", false),
            ("anthropic/", false),
            ("google/gemini", false),
            ("anthropic/a b", false),
            ("claude-code/--help", false),
        ] {
            assert_eq!(Named::parse(text).is_some(), fits, "{text}");
        }
        let named = Named::parse("openai/a/b").unwrap();
        assert_eq!(
            (named.name.as_str(), named.to_string().as_str()),
            ("a/b", "openai/a/b")
        );
    }

    #[test]
    fn a_key_is_named_and_never_written() {
        for (text, fits) in [
            ("auto", true),
            ("none", true),
            ("env:MY_KEY", true),
            ("file:/run/key", true),
            ("sk-ant-api03-abc", false),
            ("env:", false),
            ("env:1X", false),
            ("file:", false),
        ] {
            assert_eq!(KeySource::parse(text).is_some(), fits, "{text}");
        }
    }
}
