//! API keys: a file with the SHA-256 of each, who has it, and what they may do.
//!
//! ```json
//! [{"name": "scorer", "sha256": "5e88…", "roles": ["shop:read_online"]}]
//! ```
//!
//! Keys are drawn at random, so that nobody can guess one from its hash, and a plain hash is enough.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use skewless_store::{Error, Result};

use super::{Caller, Grants, unusable};
use crate::failure::Failure;

const HASH_BYTES: usize = 32;

/// The keys of a file.
#[derive(Debug)]
pub struct ApiKeys {
    path: PathBuf,
    keys: ArcSwap<Keys>,
}

#[derive(Debug)]
struct Keys {
    /// the file they were read from
    text: String,
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    name: String,
    hash: [u8; HASH_BYTES],
    grants: Grants,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    sha256: String,
    roles: Vec<String>,
}

impl ApiKeys {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// Where it is not there, or of another form.
    pub(super) fn open(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_owned(), keys: ArcSwap::from_pointee(read(path)?) })
    }

    /// Reads the file anew; where it can't be used now, the keys stay as they are.
    pub(super) fn refresh(&self) {
        match read(&self.path) {
            Ok(keys) if keys.text == self.keys.load().text => {}
            Ok(keys) => {
                tracing::info!(keys = keys.keys.len(), "API keys were read anew");
                self.keys.store(Arc::new(keys));
            }
            Err(error) => tracing::error!(%error, "API keys stay as they are"),
        }
    }

    /// Whose key this is. Takes as long whichever it is, and whether or not it is one.
    pub(super) fn caller(&self, key: &str) -> Result<Caller, Failure> {
        let hash: [u8; HASH_BYTES] = Sha256::digest(key.as_bytes()).into();
        let keys = self.keys.load();
        let mut found = None;
        for key in &keys.keys {
            if are_equal(&key.hash, &hash) {
                found = Some(key);
            }
        }
        let Key { name, grants, .. } = found.ok_or_else(|| {
            Failure::unauthenticated("the key is not known: ask whoever runs the server whether it was withdrawn")
        })?;
        Ok(Caller { name: name.clone(), grants: grants.clone() })
    }
}

fn are_equal(a: &[u8; HASH_BYTES], b: &[u8; HASH_BYTES]) -> bool {
    let difference = a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b));
    std::hint::black_box(difference) == 0
}

fn read(path: &Path) -> Result<Keys> {
    let text = std::fs::read_to_string(path).map_err(|error| unusable(path, error))?;
    let entries: Vec<Entry> = serde_json::from_str(&text).map_err(|error| unusable(path, error))?;
    let keys: Vec<Key> = entries.into_iter().map(|entry| read_entry(path, entry)).collect::<Result<_>>()?;
    for (position, key) in keys.iter().enumerate() {
        if let Some(twin) = keys[..position].iter().find(|earlier| earlier.hash == key.hash || earlier.name == key.name)
        {
            let reason = format!("`{}` and `{}` have the same name or the same key", twin.name, key.name);
            return Err(unusable(path, reason));
        }
    }
    Ok(Keys { text, keys })
}

fn read_entry(path: &Path, Entry { name, sha256, roles }: Entry) -> Result<Key> {
    let refused = |reason: String| -> Error { unusable(path, format!("key `{name}`: {reason}")) };
    let hash = hash(&sha256)
        .ok_or_else(|| refused(format!("`sha256` is `{sha256}`, expected {} hexadecimal digits", 2 * HASH_BYTES)))?;
    let grants = Grants::read(roles.iter().map(String::as_str)).map_err(refused)?;
    Ok(Key { name, hash, grants })
}

fn hash(hex: &str) -> Option<[u8; HASH_BYTES]> {
    let digits = hex.as_bytes();
    if digits.len() != 2 * HASH_BYTES || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut hash = [0; HASH_BYTES];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn refusal(text: &str) -> String {
        let (folder, path) = keys(text);
        let message = ApiKeys::open(&path).unwrap_err().to_string();
        message.replace(&folder.path().display().to_string(), "REPOSITORY")
    }

    /// The entry of the key `secret`.
    const SECRET: &str = r#"{"name": "scorer", "sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b", "roles": ["read_online"]}"#;

    #[test]
    fn a_key_is_known_by_its_hash() {
        let (_folder, path) = keys(&format!("[{SECRET}]"));
        let keys = ApiKeys::open(&path).unwrap();
        assert_eq!(keys.caller("secret").ok().unwrap().name, "scorer");
        for wrong in ["Secret", "", "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"] {
            assert!(keys.caller(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_follow_their_file_and_outlive_a_broken_one() {
        let (_folder, path) = keys("[]");
        let keys = ApiKeys::open(&path).unwrap();
        assert!(keys.caller("secret").is_err());
        std::fs::write(&path, format!("[{SECRET}]")).unwrap();
        keys.refresh();
        assert!(keys.caller("secret").is_ok());
        std::fs::write(&path, "[").unwrap();
        keys.refresh();
        assert!(keys.caller("secret").is_ok());
        std::fs::write(&path, "[]").unwrap();
        keys.refresh();
        assert!(keys.caller("secret").is_err());
    }

    #[test]
    fn a_file_that_can_not_be_meant_is_refused() {
        insta::assert_snapshot!(refusal("{}"), @"`REPOSITORY/keys.json` can't be used: invalid type: map, expected a sequence at line 1 column 0");
        insta::assert_snapshot!(refusal(r#"[{"name": "a", "sha256": "12", "roles": []}]"#), @"`REPOSITORY/keys.json` can't be used: key `a`: `sha256` is `12`, expected 64 hexadecimal digits");
        insta::assert_snapshot!(refusal(&format!("[{}]", SECRET.replace("read_online", "read"))), @"`REPOSITORY/keys.json` can't be used: key `scorer`: `read` is no role: write `read_online`, `write_online` or `admin`, or `project:role` for one project");
        insta::assert_snapshot!(refusal(&format!("[{SECRET}, {}]", SECRET.replace("scorer", "other"))), @"`REPOSITORY/keys.json` can't be used: `scorer` and `other` have the same name or the same key");
    }
}
