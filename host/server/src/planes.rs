//! A small project for tests: planes and their facts, applied and materialized by hand.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use jiff::Timestamp;
use skewless_runtime::{Runtime, RuntimeOptions};
use skewless_store::definitions::{Definitions, FeatureServerSettings, OnlineStoreSettings, Settings};
use skewless_store::online::{KeyedRow, OnlineStore, RowEncoder, encode_keys};
use skewless_store::registry::{Action, Registry, State, ViewState};
use skewless_store::row_schema::RowSchema;
use skewless_store::{FeatureStore, open_online_store};

const DEFINITIONS: &str = r#"{
    "entities": [{"name": "plane", "join_keys": [{"name": "tailnum", "type": "string"}]}],
    "sources": [{"name": "planes", "path": "planes.parquet", "timestamp_field": "known_at"}],
    "feature_views": [
        {"name": "facts", "entities": ["plane"], "source": "planes", "ttl": "1d",
         "schema": [{"name": "seats", "type": "int64"}, {"name": "speed", "type": "float32"}]},
        {"name": "plans", "entities": ["plane"], "source": "planes", "schema": [{"name": "seats", "type": "int64"}]},
        {"name": "history", "entities": ["plane"], "source": "planes", "online": false,
         "schema": [{"name": "owner", "type": "string"}]}
    ],
    "feature_services": [{"name": "model", "features": ["facts:speed", "facts:seats"]}]
}"#;

/// The project, and the folder it lives in.
pub(crate) struct Planes {
    pub(crate) store: Arc<FeatureStore>,
    _folder: tempfile::TempDir,
}

/// When the facts of the planes happened: 2013-01-01.
pub(crate) const KNOWN_AT: i64 = 1_356_998_400_000_000;

impl Planes {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let online_store = OnlineStoreSettings::Embedded { path: "online.redb".into() };
        let registry = "registry".to_owned();
        let settings = Settings {
            project: "fleet".into(),
            description: String::new(),
            registry,
            online_store,
            feature_server: FeatureServerSettings::default(),
        };
        let schema = facts();
        let view = ViewState { schemas: vec![schema.clone()], ..ViewState::default() };
        let definitions: Definitions = serde_json::from_str(DEFINITIONS).unwrap();
        let views = [("facts".to_owned(), view)].into();
        let state = State { project: settings.project.clone(), definitions, views, ..State::default() };
        let registry = Registry::open(&settings.registry, folder.path(), &settings.project).unwrap();
        registry.commit(0, Action::Apply, state, Timestamp::UNIX_EPOCH).await.unwrap();
        write(&*open_online_store(folder.path(), &settings).unwrap(), &schema);
        let runtime = Runtime::new(RuntimeOptions { calls_max: 1, ..RuntimeOptions::default() }).unwrap();
        let store = Arc::new(FeatureStore::open(folder.path(), &settings, &runtime).await.unwrap());
        Self { store, _folder: folder }
    }

    /// Stores the rows once more, by a schema that the registry does not know.
    pub(crate) fn damage(&self) {
        write(&**self.store.online(), &RowSchema::new(facts().fields[..1].to_vec()));
    }
}

fn facts() -> RowSchema {
    let int64 = skewless_runtime::ScalarType::Int64;
    let float32 = skewless_runtime::ScalarType::Float32;
    RowSchema::new(vec![("seats".into(), int64.into()), ("speed".into(), float32.into())])
}

fn write(online: &dyn OnlineStore, schema: &RowSchema) {
    let tailnums: ArrayRef = Arc::new(StringArray::from(vec!["N1", "N2"]));
    let seats: ArrayRef = Arc::new(Int64Array::from(vec![Some(i64::MAX), None]));
    let speeds: ArrayRef = Arc::new(Float32Array::from(vec![0.1, f32::NAN]));
    let batch = RecordBatch::try_from_iter([("seats", seats), ("speed", speeds)]).unwrap();
    let times = TimestampMicrosecondArray::from(vec![KNOWN_AT; 2]);
    let rows = RowEncoder::new(schema, &batch, &times, None).unwrap().encode();
    let keys = encode_keys(&[("tailnum", tailnums)]).unwrap();
    let rows: Vec<_> = (0..keys.len()).map(|row| KeyedRow { key: keys.value(row), row: rows.value(row) }).collect();
    online.write("facts", &rows, None).unwrap();
}
