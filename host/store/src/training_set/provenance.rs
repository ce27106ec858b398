//! What a training set was made of.

use serde::{Deserialize, Serialize};
use skewless_runtime::Certificate;

use crate::feature_set::FeatureSet;
use crate::feature_store::FeatureStore;
use crate::historical::{HistoricalRequest, TrainingSetSummary};
use crate::{Error, Result, Selection};

/// The key of the metadata that says where a training set comes from.
pub const PROVENANCE_KEY: &str = "skewless.provenance";

/// Where a training set comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// the project
    pub project: String,
    /// the registry's commit
    pub registry_commit: u64,
    /// the feature service, if one was asked for
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_service: Option<String>,
    /// the features, as `view:feature`, in the order of their columns
    pub features: Vec<String>,
    /// the components that computed features
    pub components: Vec<ProvenanceComponent>,
    /// the ttl of each feature view that has one
    pub ttl: Vec<(String, String)>,
    /// from when on source rows were read, in µs, by feature view; what is older is outside its ttl for every row
    #[serde(default)]
    pub read_from: Vec<(String, i64)>,
    /// whether source rows counted only from their created timestamp on
    #[serde(default)]
    pub known_at: bool,
    /// the program
    pub engine: String,
    /// the command
    pub command_line: String,
    /// rows, and what became of each feature
    pub summary: TrainingSetSummary,
}

/// A component that computed features of a training set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProvenanceComponent {
    /// the transform's name
    pub transform: String,
    /// `sha256:` and 64 hexadecimal digits
    pub digest: String,
    /// the proof of parity that the registry holds for it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

impl Provenance {
    pub(crate) async fn new(
        store: &FeatureStore,
        request: &HistoricalRequest,
        set: &FeatureSet,
        read_from: &[(String, i64)],
        summary: &TrainingSetSummary,
        command_line: &str,
    ) -> Result<Self> {
        let state = &store.commit().state;
        let on_demand = set.on_demand.iter().map(|view| &view.component.transform);
        let on_write = set.views.iter().filter_map(|stored| stored.view.transform.as_ref());
        let on_write = on_write.filter_map(|by| store.components().get(&by.name)).map(|component| &component.transform);
        let mut components = Vec::new();
        for transform in on_demand.chain(on_write) {
            components.push(ProvenanceComponent {
                transform: transform.signature().name.clone(),
                digest: transform.digest().to_string(),
                certificate: store.registry().certificate(transform.digest()).await?,
            });
        }
        let ttl = set.views.iter().filter_map(|stored| Some((stored.view.name.clone(), stored.view.ttl?.to_string())));
        Ok(Self {
            project: state.project.clone(),
            registry_commit: store.commit().number,
            feature_service: match &request.selection {
                Selection::Service(name) => Some(name.clone()),
                Selection::Features(_) => None,
            },
            features: set.outputs().iter().map(|output| format!("{}:{}", output.view, output.feature)).collect(),
            components,
            ttl: ttl.collect(),
            read_from: read_from.to_vec(),
            known_at: request.known_at,
            engine: concat!("skewless ", env!("CARGO_PKG_VERSION")).to_owned(),
            command_line: command_line.to_owned(),
            summary: summary.clone(),
        })
    }

    /// As the metadata of a file has it.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("provenance is plain data with texts as keys")
    }

    /// What the metadata of a file says.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) where it is something else.
    pub(crate) fn from_json(json: &str) -> Result<Self> {
        serde_json::from_str(json)
            .map_err(|error| Error::corrupt("its provenance is not what this version writes").because(error))
    }
}
