//! The parity certificate: what `verify` tried with a component, on what engine, and what came of it.
//!
//! The same component, seed, samples and engine give the same certificate, byte for byte: it has no date and no
//! measurement. It is kept as JSON beside the component.

use serde::{Deserialize, Serialize};

use crate::component::CONTRACT_VERSION;
use crate::digest::Digest;

/// The format of certificates that this version writes and reads.
const FORMAT: u32 = 1;

/// The version of the engine, as in `Cargo.lock`; a test holds the two together.
pub const WASMTIME_VERSION: &str = "48.0.8";

/// What `verify` found out about one component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// the version of this format
    pub format: u32,
    /// the transform's name for itself
    pub transform: String,
    /// the component's digest, `sha256:` and 64 hexadecimal digits
    pub digest: String,
    /// the contract it was held to, such as `skewless:transform@0.1.0`
    pub contract: String,
    /// the engine that ran it; another one needs another certificate
    pub engine: String,
    /// the rows that were tried
    pub corpus: CorpusSummary,
    /// what was tried with them, in order; after one that is broken nothing more was tried
    pub relations: Vec<RelationResult>,
    /// whether every relation holds, and at least half of the rows have a result
    pub passed: bool,
}

/// Which rows a component was tried on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusSummary {
    /// what the rows were drawn from
    pub seed: u64,
    /// how many there were
    pub rows: usize,
    /// how many of them no call could compute, because the transform panics or fails the batch; they were left out
    pub rows_without_result: usize,
    /// the inputs for which values of the repository's sources were among them
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sampled_inputs: Vec<String>,
    /// the SHA-256 of their values, as the transform sees them
    pub sha256: String,
}

/// One relation, and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelationResult {
    /// what was compared with each row alone on a fresh instance
    pub relation: String,
    /// calls that were made
    pub calls: usize,
    /// rows in them
    pub rows: usize,
    /// whether every row came out the same, to the bit
    pub holds: bool,
}

impl Certificate {
    pub(crate) fn new(
        transform: String,
        digest: &Digest,
        corpus: CorpusSummary,
        relations: Vec<RelationResult>,
    ) -> Self {
        // What panics on most rows was tried on few: that is no proof.
        let tried = corpus.rows > 0 && 2 * corpus.rows_without_result <= corpus.rows;
        let passed = tried && relations.iter().all(|relation| relation.holds);
        let contract = format!("skewless:transform@{CONTRACT_VERSION}");
        Self {
            format: FORMAT,
            transform,
            digest: digest.to_string(),
            contract,
            engine: engine(),
            corpus,
            relations,
            passed,
        }
    }

    /// Whether it says that the component `digest` has parity on this engine.
    ///
    /// # Errors
    /// Says why not, as the end of a sentence.
    pub fn covers(&self, digest: &Digest) -> Result<(), String> {
        let here = engine();
        if self.digest != digest.to_string() {
            return Err(format!("it is of {}, the component is {digest}", self.digest));
        }
        if self.format != FORMAT || self.engine != here {
            return Err(format!("it was made with {}, this is {here}", self.engine));
        }
        match self.relations.iter().find(|relation| !relation.holds) {
            Some(broken) => Err(format!("the component failed it: {} differs from each row alone", broken.relation)),
            None if !self.passed => {
                let CorpusSummary { rows, rows_without_result, .. } = self.corpus;
                Err(format!(
                    "the component failed it: {rows_without_result} of {rows} rows have no result, because the transform \
                     panics or fails the batch on them; at most half may"
                ))
            }
            None => Ok(()),
        }
    }
}

/// What a component runs on here.
fn engine() -> String {
    let (version, architecture) = (env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    format!("skewless-runtime {version}, wasmtime {WASMTIME_VERSION}, {architecture}")
}
