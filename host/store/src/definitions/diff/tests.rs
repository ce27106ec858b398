use super::*;

fn definitions(json: Value) -> Definitions {
    serde_json::from_value(json).unwrap()
}

fn view(change: impl FnOnce(&mut Value)) -> Definitions {
    let mut view = serde_json::json!({
        "name": "weather", "entities": ["airport"], "source": "weather", "ttl": "3h",
        "schema": [{"name": "wind", "type": "float64"}, {"name": "rain", "type": "int64"}],
        "tags": {"domain": "sky"},
    });
    change(&mut view);
    definitions(serde_json::json!({ "feature_views": [view] }))
}

fn told(old: &Definitions, new: &Definitions) -> String {
    let mut text = String::new();
    for Change { kind, name, change } in diff(old, new) {
        match change {
            ChangeKind::Added => text.push_str(&format!("+ {kind} {name}\n")),
            ChangeKind::Removed => text.push_str(&format!("- {kind} {name}\n")),
            ChangeKind::Changed(lines) => text.push_str(&format!("~ {kind} {name}\n    {}\n", lines.join("\n    "))),
        }
    }
    text
}

#[test]
fn nothing_changes_between_equals() {
    assert_eq!(diff(&view(|_| {}), &view(|_| {})), []);
}

#[test]
fn what_comes_and_goes_is_told_kind_by_kind() {
    let old = definitions(serde_json::json!({
        "entities": [{"name": "b", "join_keys": []}], "feature_services": [{"name": "s", "features": []}],
    }));
    let new = definitions(serde_json::json!({
        "entities": [{"name": "c", "join_keys": []}, {"name": "a", "join_keys": []}],
        "transforms": [{"name": "t", "path": "x"}],
    }));
    insta::assert_snapshot!(told(&old, &new), @r"
    + entity a
    - entity b
    + entity c
    + transform t
    - feature service s
    ");
}

#[test]
fn a_change_is_told_field_by_field() {
    let new = view(|view| {
        view["ttl"] = "12h".into();
        view["entities"] = serde_json::json!(["airport", "carrier"]);
        view["schema"][0]["type"] = "float32".into();
        view["schema"][1] = serde_json::json!({"name": "snow", "type": "list<int64>", "description": "in mm"});
        view["tags"] = serde_json::json!({"team": "ops"});
        view["owner"] = "me".into();
        view["online"] = false.into();
    });
    insta::assert_snapshot!(told(&view(|_| {}), &new), @r"
    ~ feature view weather
        entities: airport became airport, carrier
        online: true became false
        schema.wind.type: float64 became float32
        schema.rain: removed (int64)
        schema.snow: added (list<int64>)
        tags.domain: removed (sky)
        tags.team: added (ops)
        ttl: 3h became 12h
        owner: added (me)
    ");
}

#[test]
fn another_order_of_features_is_a_change() {
    let new = view(|view| view["schema"].as_array_mut().unwrap().reverse());
    insta::assert_snapshot!(told(&view(|_| {}), &new), @r"
    ~ feature view weather
        schema: order changed from wind, rain to rain, wind
    ");
}

#[test]
fn changes_are_plain_json_for_scripts() {
    let changes = diff(&view(|_| {}), &view(|view| view["ttl"] = "1d".into()));
    insta::assert_snapshot!(serde_json::to_string(&changes).unwrap(), @r#"[{"kind":"feature view","name":"weather","change":{"changed":["ttl: 3h became 1d"]}}]"#);
}
