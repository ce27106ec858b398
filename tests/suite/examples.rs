//! Every example transform passes its `cases.json`: asked as a request, answered as JSON, compared to the last digit.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use serde_json::{Map, Value, json};
use skewless_runtime::{Limits, Signature};

use crate::support::{TestRepository, component, printed, project, runtime, skewless};

fn examples() -> Vec<String> {
    let folders = std::fs::read_dir(project().join("examples/transforms")).unwrap();
    folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn cases(name: &str) -> Vec<Value> {
    let file = project().join("examples/transforms").join(name).join("cases.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    file["cases"].as_array().unwrap().clone()
}

/// A repository with nothing but the transform, all its inputs taken from the request.
fn repository(name: &str, signature: &Signature) -> TestRepository {
    let field =
        |field: &skewless_runtime::Field| format!("      - {{name: {}, type: {}}}\n", field.name, field.data_type);
    let request: String = signature.inputs.iter().map(field).collect();
    let path = component(name);
    let yaml = format!(
        "transforms:\n  - {{name: {name}, path: {path}}}\non_demand_feature_views:\n  - name: example\n    \
         transform: {name}\n    request:\n{request}",
        path = path.display()
    );
    let repository = TestRepository::new(&yaml);
    let output = skewless(repository.path()).arg("apply").output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    repository
}

fn answer(folder: &Path, inputs: &Value) -> Value {
    let inputs = sendable(inputs);
    let request = json!({"features": ["example"], "entities": inputs, "event_timestamp": "2024-01-01T00:00:00Z"});
    std::fs::write(folder.join("request.json"), request.to_string()).unwrap();
    let output =
        skewless(folder).args(["get-online-features", "--request", "request.json", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The cases write negative zero in quotes, since many readers of JSON lose its sign; a request has it as a number.
fn sendable(value: &Value) -> Value {
    match value {
        Value::String(text) if text == "-0.0" => json!(-0.0),
        Value::Array(elements) => elements.iter().map(sendable).collect(),
        Value::Object(columns) => columns.iter().map(|(name, values)| (name.clone(), sendable(values))).collect(),
        other => other.clone(),
    }
}

fn written(value: &Value) -> String {
    match value {
        Value::String(text) if text == "-0.0" => "-0.0".to_owned(),
        Value::Array(elements) => elements.iter().map(|element| written(element) + ", ").collect(),
        other => other.to_string(),
    }
}

/// The folders of all examples in all languages.
fn folders() -> Vec<PathBuf> {
    let languages = |name: String| std::fs::read_dir(project().join("examples/transforms").join(name)).unwrap();
    let folders = examples().into_iter().flat_map(languages).map(|entry| entry.unwrap().path());
    folders.filter(|path| path.is_dir()).collect()
}

#[test]
fn every_example_has_parity_in_every_language() {
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("languages");
    std::fs::create_dir_all(&built).unwrap();
    // Those in Rust are certified in the folder of all components.
    let others = folders().into_iter().filter(|folder| !folder.ends_with("rust"));
    let components = others.map(|folder| {
        let of_example = folder.strip_prefix(project().join("examples/transforms")).unwrap();
        let component = built.join(of_example.to_str().unwrap().replace('/', ".")).with_added_extension("wasm");
        let output = skewless(project()).arg("build").arg(&folder).arg("--out").arg(&component).output().unwrap();
        assert!(output.status.success(), "{}", printed(&output));
        component
    });
    let output = skewless(project()).arg("verify").args(components).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
}

#[test]
fn every_example_passes_its_cases_in_every_language() {
    let mut command = skewless(project());
    command.args(["test", "--json"]);
    let folders = folders();
    command.args(&folders);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    let tested: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(tested.as_array().unwrap().len(), folders.len());
    for transform in tested.as_array().unwrap() {
        assert!(transform["row_us"].as_f64().unwrap() > 0.0, "{transform}");
        assert!(transform["memory_bytes"].as_u64().unwrap() > 0, "{transform}");
    }
}

#[test]
fn every_example_passes_its_cases() {
    for name in examples() {
        let transform = runtime().load(&std::fs::read(component(&name)).unwrap()).unwrap();
        let repository = repository(&name, transform.signature());
        for case in cases(&name) {
            if case["inputs"].as_object().unwrap().values().all(|values| values == &json!([])) {
                let nothing = RecordBatch::new_empty(Arc::clone(transform.input_schema()));
                assert_eq!(transform.apply(&nothing, &Limits::SERVING).unwrap().batch.num_rows(), 0);
                continue;
            }
            let answer = answer(repository.path(), &case["inputs"]);
            let what = format!("{name} {}", case["name"].as_str().unwrap());
            let names: Vec<&str> = answer["metadata"]["feature_names"]
                .as_array()
                .unwrap()
                .iter()
                .map(|name| name.as_str().unwrap())
                .collect();
            let expected: &Map<String, Value> = case["outputs"].as_object().unwrap();
            assert_eq!(names.len(), expected.len(), "{what}");
            for (place, feature) in names.iter().enumerate() {
                let column = &answer["results"][place];
                assert_eq!(written(&column["values"]), written(&expected[*feature]), "{what}: {feature}");
                for failure in case["failures"].as_array().into_iter().flatten() {
                    let row = usize::try_from(failure["row"].as_u64().unwrap()).unwrap();
                    assert_eq!(column["statuses"][row], "INVALID", "{what}: {feature}");
                }
            }
        }
    }
}
