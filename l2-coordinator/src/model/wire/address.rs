//! Where a provider is.

use std::fmt;

use reqwest::Url;

/// The root of an interface, such as `https://api.anthropic.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Url);

/// A text that is no address of a provider. Repeats none of it: keys get pasted anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not an address.
    #[error("the base URL is not a URL like https://host/path")]
    Malformed,
    /// Something in it that would go to other places than the provider's host.
    #[error("a base URL has no user, password, query or fragment")]
    Extra,
}

impl Address {
    /// From its text, `https://` or `http://`.
    ///
    /// # Errors
    /// It is not an address of a provider.
    pub fn new(text: &str) -> Result<Self, AddressError> {
        let url = Url::parse(text.trim()).map_err(|_| AddressError::Malformed)?;
        if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) {
            return Err(AddressError::Malformed);
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::Extra);
        }
        Ok(Self(url))
    }

    /// This path beneath it; `path` begins with `/`.
    pub(crate) fn at(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        let whole = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&whole);
        url
    }

    /// Whether it is reached by TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether what is sent can be read on its way: no TLS, and another machine.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let host = host.trim_matches(['[', ']']);
        let is_loopback = host == "localhost"
            || host.ends_with(".localhost")
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        !self.is_tls() && !is_loopback
    }

    /// Host and port, for messages.
    #[must_use]
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_put_beneath_an_address() {
        for (base, at) in [
            (
                "https://api.anthropic.com",
                "https://api.anthropic.com/v1/messages",
            ),
            (
                "https://api.anthropic.com/",
                "https://api.anthropic.com/v1/messages",
            ),
            (
                "http://127.0.0.1:8080/a/b/",
                "http://127.0.0.1:8080/a/b/v1/messages",
            ),
        ] {
            let address = Address::new(base).unwrap();
            assert_eq!(address.at("/v1/messages").as_str(), at);
            assert_eq!(address.to_string(), base.trim_end_matches('/'));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for (text, error) in [
            ("", AddressError::Malformed),
            ("api.anthropic.com", AddressError::Malformed),
            ("ftp://host/", AddressError::Malformed),
            ("file:///etc/passwd", AddressError::Malformed),
            ("https://", AddressError::Malformed),
            ("https://me:pw@host/", AddressError::Extra),
            ("https://host/?key=1", AddressError::Extra),
            ("https://host/#a", AddressError::Extra),
        ] {
            let refused = Address::new(text).unwrap_err();
            assert_eq!(refused, error, "{text}");
        }
    }

    #[test]
    fn only_plain_http_to_elsewhere_is_open() {
        for (base, is_open) in [
            ("https://api.anthropic.com", false),
            ("http://127.0.0.1:1", false),
            ("http://[::1]:1", false),
            ("http://localhost:11434", false),
            ("http://10.0.0.7", true),
            ("http://gateway/v1", true),
        ] {
            assert_eq!(Address::new(base).unwrap().is_open(), is_open, "{base}");
        }
    }
}
