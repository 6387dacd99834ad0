//! What closes a finished journal: its last number and hash, signed with the user's key.
//!
//! The chain finds every change before the last event; the seal finds a removed end and a chain
//! that was computed anew. Pure: where keys and seals are kept is not known here.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, canonical_json};
use crate::event::Chain;
use crate::ids::RunId;

/// What is signed under this name is a seal and nothing else; also the file's `schema`.
pub const SEAL_SCHEMA: &str = "seal/v1";

/// Longest `seal.json` that is read, bytes; ours has about 500.
pub const MAX_SEAL_BYTES: u64 = 4096;

/// Longest key file that is read, bytes; ours has 82.
pub const MAX_KEY_BYTES: u64 = 256;

const KEY_PREFIX: &str = "orchestra-key/v1 ";

/// A text that is not a public key, a signature or a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {0}")]
pub struct InvalidKey(&'static str);

/// The public half of a key, 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

/// The user's key: signs seals and, later, grants. Never shown.
pub struct UserKey(SigningKey);

/// Why a seal does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It is of a kind that is not known here.
    #[error("seal has a schema other than `{SEAL_SCHEMA}`")]
    Schema,
    /// Its key is no key.
    #[error("seal holds no usable public key")]
    Key,
    /// The signature is not by this key over these values.
    #[error("seal's signature does not match its content")]
    Signature,
}

/// The content of `seal.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct Seal {
    /// [`SEAL_SCHEMA`].
    #[cfg_attr(feature = "author", schemars(extend("const" = SEAL_SCHEMA)))]
    pub schema: String,
    /// The run.
    pub run_id: RunId,
    /// Number of its last event.
    pub seq: u64,
    /// Hash of its last event.
    pub hash: Digest,
    /// Who signed.
    pub public_key: PublicKey,
    /// Ed25519 over the canonical JSON of domain, run, number and hash; 128 lower-case hex digits.
    pub signature: String,
}

impl UserKey {
    /// From 32 secret random bytes.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Seals a run's journal at its end.
    #[must_use]
    pub fn seal(&self, run_id: RunId, end: Chain) -> Seal {
        let message = signed_bytes(&run_id, end.seq, &end.hash);
        Seal {
            schema: SEAL_SCHEMA.to_owned(),
            run_id,
            seq: end.seq,
            hash: end.hash,
            public_key: self.public(),
            signature: self.sign(&message),
        }
    }

    /// Signs a message that begins with a domain of its own.
    pub(crate) fn sign(&self, message: &[u8]) -> String {
        hex(&self.0.sign(message).to_bytes())
    }

    /// The secret as the text of a key file, newline included.
    #[must_use]
    pub fn to_file_text(&self) -> String {
        format!("{KEY_PREFIX}{}\n", hex(&self.0.to_bytes()))
    }

    /// From the text of a key file.
    ///
    /// # Errors
    /// It is anything else. The text is not repeated: it may be a damaged secret.
    pub fn from_file_text(text: &str) -> Result<Self, InvalidKey> {
        let refuse = InvalidKey("a key file of orchestra");
        let digits = text.strip_prefix(KEY_PREFIX).ok_or(refuse)?;
        let digits = digits.strip_suffix('\n').unwrap_or(digits);
        unhex(digits).map(Self::from_seed).ok_or(refuse)
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserKey({})", self.public())
    }
}

impl Seal {
    /// Whether the signature is by the key named in it. Whether that key is trusted is another
    /// question.
    ///
    /// # Errors
    /// It is not.
    pub fn check(&self) -> Result<(), SealError> {
        if self.schema != SEAL_SCHEMA {
            return Err(SealError::Schema);
        }
        VerifyingKey::from_bytes(&self.public_key.0).map_err(|_| SealError::Key)?;
        let message = signed_bytes(&self.run_id, self.seq, &self.hash);
        let fits = self.public_key.signed(&message, &self.signature);
        fits.then_some(()).ok_or(SealError::Signature)
    }

    /// Whether it closes a journal that ends like this.
    #[must_use]
    pub fn closes(&self, end: Chain) -> bool {
        (self.seq, self.hash) == (end.seq, end.hash)
    }
}

fn signed_bytes(run_id: &RunId, seq: u64, hash: &Digest) -> Vec<u8> {
    let value = serde_json::json!({
        "domain": SEAL_SCHEMA,
        "hash": hash,
        "run_id": run_id,
        "seq": seq,
    });
    canonical_json(&value).expect("it holds no fraction")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let fits = digits.len() == 2 * N
        && digits
            .bytes()
            .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    fits.then_some(())?;
    let mut bytes = [0; N];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(bytes)
}

impl PublicKey {
    /// Whether the signature, as hex digits, is by this key over this message.
    pub(crate) fn signed(&self, message: &[u8], signature: &str) -> bool {
        let key = VerifyingKey::from_bytes(&self.0);
        let (Ok(key), Some(signature)) = (key, unhex(signature)) else {
            return false;
        };
        key.verify_strict(message, &Signature::from_bytes(&signature))
            .is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        unhex(text)
            .map(Self)
            .ok_or(InvalidKey("a public key of 64 lower-case hex digits"))
    }
}

impl Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> UserKey {
        UserKey::from_seed([7; 32])
    }

    fn seal() -> Seal {
        let run = "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a".parse().unwrap();
        key().seal(
            run,
            Chain {
                seq: 12,
                hash: Digest::of(b"last"),
            },
        )
    }

    #[test]
    fn a_seal_holds_and_survives_its_file() {
        let seal = seal();
        seal.check().unwrap();
        assert!(seal.closes(Chain {
            seq: 12,
            hash: Digest::of(b"last")
        }));
        assert!(!seal.closes(Chain {
            seq: 11,
            hash: Digest::of(b"last")
        }));
        let text = serde_json::to_string(&seal).unwrap();
        assert!(text.len() as u64 <= MAX_SEAL_BYTES);
        assert_eq!(serde_json::from_str::<Seal>(&text).unwrap(), seal);
    }

    #[test]
    fn any_other_value_breaks_it() {
        let other_run = "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07b".parse().unwrap();
        let changed = [
            Seal {
                run_id: other_run,
                ..seal()
            },
            Seal { seq: 13, ..seal() },
            Seal {
                hash: Digest::of(b"other"),
                ..seal()
            },
            Seal {
                public_key: UserKey::from_seed([8; 32]).public(),
                ..seal()
            },
            Seal {
                signature: "0".repeat(128),
                ..seal()
            },
            Seal {
                signature: "short".to_owned(),
                ..seal()
            },
        ];
        for seal in changed {
            assert_eq!(seal.check(), Err(SealError::Signature), "{seal:?}");
        }
        assert_eq!(
            Seal {
                schema: "seal/v2".to_owned(),
                ..seal()
            }
            .check(),
            Err(SealError::Schema)
        );
    }

    #[test]
    fn what_is_signed_is_fixed() {
        let seal = seal();
        let bytes = signed_bytes(&seal.run_id, seal.seq, &seal.hash);
        let expected = format!(
            "{{\"domain\":\"seal/v1\",\"hash\":\"{}\",\
             \"run_id\":\"0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a\",\"seq\":12}}",
            Digest::of(b"last")
        );
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn key_files_round_trip_and_garbage_is_not_repeated() {
        let text = key().to_file_text();
        assert!(text.len() as u64 <= MAX_KEY_BYTES);
        assert_eq!(
            UserKey::from_file_text(&text).unwrap().public(),
            key().public()
        );
        for bad in [
            "",
            "secret",
            "orchestra-key/v1 abcd",
            &text.to_uppercase(),
            &text[..50],
        ] {
            let error = UserKey::from_file_text(bad).unwrap_err();
            assert_eq!(error.to_string(), "not a key file of orchestra");
        }
        assert!(!format!("{:?}", key()).contains("0707"));
    }

    proptest! {
        #[test]
        fn public_keys_round_trip(seed in any::<[u8; 32]>()) {
            let public = UserKey::from_seed(seed).public();
            prop_assert_eq!(public.to_string().parse::<PublicKey>().unwrap(), public);
        }

        #[test]
        fn any_text_is_refused_quietly(text in ".{0,200}") {
            prop_assert!(UserKey::from_file_text(&text).is_err());
            let _parsed = text.parse::<PublicKey>();
        }
    }
}
