//! JSON Schemas of the two kinds of file, for editors.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;
use skewless_runtime::{DataType, ScalarType};

use super::{Definitions, JoinKey, Settings};

/// The JSON Schema of a definition file: any YAML file of a repository except `skewless.yaml`.
#[must_use]
pub fn json_schema() -> Value {
    schemars::schema_for!(Definitions).to_value()
}

/// The JSON Schema of `skewless.yaml`.
#[must_use]
pub fn settings_json_schema() -> Value {
    schemars::schema_for!(Settings).to_value()
}

pub(super) fn data_type(_: &mut SchemaGenerator) -> Schema {
    let scalars = ScalarType::ALL.map(DataType::Scalar);
    let lists = ScalarType::ALL.map(DataType::List);
    one_of(scalars.into_iter().chain(lists))
}

pub(super) fn join_key_type(_: &mut SchemaGenerator) -> Schema {
    one_of(JoinKey::TYPES.map(DataType::Scalar))
}

fn one_of(types: impl IntoIterator<Item = DataType>) -> Schema {
    let names: Vec<_> = types.into_iter().map(|data_type| data_type.to_string()).collect();
    json_schema!({ "type": "string", "enum": names })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_schemas_describe_both_files() {
        let schema = json_schema();
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["properties"]["feature_views"]["type"], "array");
        let view = &schema["$defs"]["FeatureView"];
        assert_eq!(view["properties"]["name"]["pattern"], "^[a-z][a-z0-9_]{0,63}$");
        assert_eq!(view["required"], serde_json::json!(["name", "entities", "source", "schema"]));
        insta::assert_snapshot!(schema["$defs"]["JoinKey"]["properties"]["type"].to_string(), @r#"{"description":"The type of its values: string, bytes, int32, int64 or timestamp.","enum":["string","bytes","int32","int64","timestamp"],"type":"string"}"#);
        insta::assert_snapshot!(schema["$defs"]["Ttl"].to_string(), @r#"{"anyOf":[{"pattern":"^(0|([0-9]+(us|ms|s|m|h|d|w))+)$","type":"string"},{"const":0}]}"#);
        let settings = settings_json_schema();
        assert_eq!(settings["required"], serde_json::json!(["project"]));
        insta::assert_snapshot!(settings["$defs"]["OnlineStoreSettings"]["oneOf"].to_string(), @r##"[{"additionalProperties":false,"description":"One file, for one machine.","properties":{"path":{"default":"online.redb","description":"The file, relative to the repository.","type":"string"},"type":{"const":"embedded","type":"string"}},"required":["type"],"type":"object"},{"additionalProperties":false,"description":"Redis, or what speaks its protocol, such as Valkey.","properties":{"connection_string":{"$ref":"#/$defs/ConnectionString","description":"The server: `redis://user:password@host:6379/0`, `rediss://…` for TLS, or as Feast writes it,\n`host:6379,password=…,ssl=true`; several nodes of a cluster separated by commas."},"key_ttl_margin":{"$ref":"#/$defs/Ttl","default":"1d","description":"How much longer than their ttl values are kept, where every view of an entity has one."},"redis_type":{"$ref":"#/$defs/RedisType","default":"redis","description":"One server, or a cluster."},"type":{"const":"redis","type":"string"}},"required":["type","connection_string"],"type":"object"}]"##);
    }
}
