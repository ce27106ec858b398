use std::fs;

use super::*;
use crate::definitions::fixture::{FLIGHTS, SETTINGS, environment, error, error_after, error_in, folder, load};

#[test]
fn a_repository_is_loaded_with_all_it_says() {
    let Repository { settings, definitions, .. } = load(&[("skewless.yaml", SETTINGS), ("flights.yaml", FLIGHTS)]);
    let tree = serde_json::to_value(&definitions).unwrap();
    let objects = Kind::ALL.iter().flat_map(|kind| tree[kind.section()].as_array().unwrap());
    let lines: Vec<_> = objects.map(|object| object.to_string()).collect();
    insta::assert_snapshot!(serde_json::to_string(&settings).unwrap(), @r#"{"project":"flights","registry":"registry","online_store":{"type":"embedded","path":"online.redb"}}"#);
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"description":"Where a flight starts.","join_keys":[{"name":"origin","type":"string"}],"name":"airport","owner":"ops@example.com","tags":{"domain":"places"}}
    {"join_keys":[{"name":"tailnum","type":"string"}],"name":"plane"}
    {"name":"delays","path":"data/delays","timestamp_field":"known_at"}
    {"created_timestamp_column":"recorded_at","field_mapping":{"windDir":"wind_dir"},"name":"weather","path":"data/weather.parquet","timestamp_field":"observed_at"}
    {"name":"cyclic_time","path":"cyclic_time.wasm"}
    {"limits":{"deadline_ms":100,"memory_bytes":16777216},"name":"runway_wind","path":"../transforms/runway_wind/rust"}
    {"entities":["plane"],"name":"plane_recent_delays","online":false,"schema":[{"name":"mean_arr_delay","type":"float64"}],"source":"delays","transform":{"inputs":{"amount":"raw_amount"},"name":"cyclic_time"}}
    {"entities":["airport"],"name":"weather","online":true,"schema":[{"description":"degrees","name":"wind_dir","type":"float64"},{"name":"wind_speed","tags":{"unit":"knots"},"type":"float64"}],"source":"weather","ttl":"3h"}
    {"inputs":{"heading":"request:runway_heading","now":"event_timestamp","wind_direction":"weather:wind_dir"},"name":"runway_wind","request":[{"name":"runway_heading","type":"float64"}],"sources":["plane_recent_delays","weather"],"transform":"runway_wind"}
    {"features":["weather","plane_recent_delays:mean_arr_delay","runway_wind:crosswind"],"name":"delay_model"}
    "#);
    let text = serde_json::to_string(&definitions).unwrap();
    assert_eq!(serde_json::from_str::<Definitions>(&text).unwrap(), definitions);
    let view = definitions.feature_view("plane_recent_delays").unwrap();
    assert_eq!(definitions.join_keys(view)[0].name, "tailnum");
    assert!(view.is_live(i64::MIN, i64::MAX));
    let on_demand = definitions.on_demand_feature_view("runway_wind").unwrap();
    let read: Vec<_> = definitions.views_read_by(on_demand).iter().map(|view| view.name.as_str()).collect();
    assert_eq!(read, ["weather", "plane_recent_delays"]);
}

#[test]
fn files_are_merged_and_those_that_are_not_definitions_left_alone() {
    let entity = |name: &str| format!("entities: [{{name: {name}, join_keys: [{{name: {name}_id, type: int64}}]}}]\n");
    let repository = load(&[
        ("skewless.yaml", "project: x\nregistry: s3://bucket/x\nonline_store: {type: embedded, path: x.redb}\n"),
        ("b.yml", &entity("b")),
        ("deep/er/a.yaml", &entity("a")),
        ("empty.yaml", ""),
        ("comments.yaml", "# nothing\n---\n"),
        ("sections.yaml", "entities:\nsources:\n  # - name: later\n"),
        (".hidden/x.yaml", "not: ours"),
        ("target/x.yaml", "not: ours"),
        ("README.md", "not: ours"),
    ]);
    let names: Vec<_> = repository.definitions.objects().map(|object| object.name).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(repository.settings.registry, "s3://bucket/x");
}

#[test]
fn texts_are_kept_as_they_are_written() {
    let repository = load(&[
        ("skewless.yaml", SETTINGS),
        (
            "f.yaml",
            "entities: [{name: on, join_keys: [{name: k, type: int64}], tags: {v: 1.10, n: 0x1F, b: yes, d: 2024-01-01}}]",
        ),
    ]);
    let tags = &repository.definitions.entities[0].tags;
    assert_eq!(tags.values().map(String::as_str).collect::<Vec<_>>(), ["yes", "2024-01-01", "0x1F", "1.10"]);
    assert_eq!(repository.definitions.entities[0].name, "on");
}

#[test]
fn variables_are_filled_in_without_moving_anything() {
    let definitions = FLIGHTS
        .replace("data/weather.parquet", "\"${DATA}/weather.parquet\"")
        .replace("16777216", "\"${MEMORY}\"")
        .replace("path: data/delays,", "path: \"${UNSET:-data/d}\",")
        .replace("online: false", "online: ${ONLINE:-false}");
    let repository = load(&[("skewless.yaml", "project: ${PROJECT}\n"), ("f.yaml", &definitions)]);
    assert_eq!(repository.settings.project, "test_flights");
    let Definitions { sources, transforms, feature_views, .. } = &repository.definitions;
    assert_eq!(sources[1].path, "/mnt/a: b\n- \"c/weather.parquet");
    assert_eq!(sources[0].path, "data/d");
    assert_eq!(transforms[1].limits.memory_bytes, Some(1024));
    assert!(!feature_views[0].online);
    let plain = load(&[("skewless.yaml", SETTINGS), ("f.yaml", FLIGHTS)]);
    let line = |repository: &Repository| repository.location(Kind::FeatureService, "delay_model").unwrap().line;
    assert_eq!(line(&repository), line(&plain));
}

#[test]
fn a_ttl_of_zero_needs_no_unit() {
    let repository = load(&[("skewless.yaml", SETTINGS), ("f.yaml", &FLIGHTS.replace("ttl: 3h", "ttl: 0"))]);
    assert!(repository.definitions.feature_view("weather").unwrap().is_live(i64::MIN, i64::MAX));
}

#[test]
fn every_part_of_a_definition_has_its_place() {
    let folder = folder(&[("skewless.yaml", SETTINGS), ("deep/f.yaml", FLIGHTS)]);
    let repository = Repository::load(folder.path(), &environment).unwrap();
    let place = |kind, name, path| {
        let Location { file, line, column } = repository.location_of(kind, name, path).unwrap();
        assert_eq!(file, folder.path().join("deep/f.yaml"));
        let text = FLIGHTS.lines().nth(line - 1).unwrap();
        text[column - 1..].split([',', '}', ']']).next().unwrap().to_owned()
    };
    assert_eq!(place(Kind::Entity, "plane", ""), "name: plane");
    assert_eq!(place(Kind::Source, "weather", "path"), "data/weather.parquet");
    assert_eq!(place(Kind::Source, "weather", "field_mapping.windDir"), "wind_dir");
    assert_eq!(place(Kind::Source, "delays", "path"), "data/delays");
    assert_eq!(place(Kind::FeatureView, "weather", "schema.wind_speed.type"), "float64");
    assert_eq!(place(Kind::FeatureView, "weather", "schema.1.name"), "wind_speed");
    assert_eq!(place(Kind::FeatureView, "weather", "schema.wind_dir"), "{name: wind_dir");
    assert_eq!(place(Kind::OnDemandFeatureView, "runway_wind", "inputs.heading"), "request:runway_heading");
    assert_eq!(place(Kind::OnDemandFeatureView, "runway_wind", "sources.weather"), "weather");
    assert_eq!(place(Kind::FeatureService, "delay_model", "features.2"), "\"runway_wind:crosswind\"");
    // What is left out is looked for where it would stand.
    assert_eq!(place(Kind::FeatureView, "weather", "transform.name"), "name: weather");
    assert_eq!(repository.location(Kind::Entity, "airline"), None);
    assert_eq!(repository.settings_location("project").column, 10);
}

#[test]
fn a_folder_without_settings_is_no_repository() {
    insta::assert_snapshot!(error(&[("f.yaml", FLIGHTS)]).split_once(" is no ").unwrap().1, @"feature repository: it has no skewless.yaml; go to a folder that has one, or make one with `skewless init`");
    insta::assert_snapshot!(error(&[("skewless.yaml", "# soon\n")]), @"skewless.yaml:1:1: the file is empty: it needs at least a `project: name`");
}

#[test]
fn what_is_not_yaml_is_refused_with_its_line() {
    insta::assert_snapshot!(error_in("entities:\n  - name: a\n   join_keys: []\n"), @"f.yaml:3:4: malformed YAML: while parsing a block collection, did not find expected '-' indicator");
    insta::assert_snapshot!(error_in("entities: [{name: a\n"), @"f.yaml:1:12: malformed YAML: unclosed bracket '{'");
    insta::assert_snapshot!(error_in("entities:\n\t- name: a\n"), @"f.yaml:2:2: malformed YAML: tabs disallowed within this context (block indentation)");
    insta::assert_snapshot!(error_in("entities: []\nentities: []\n"), @"f.yaml:2:1: the key `entities` stands here twice");
    insta::assert_snapshot!(error_in("entities: []\n---\nentities: []\n"), @"f.yaml:3:1: a second document starts here: give it a file of its own");
    insta::assert_snapshot!(error_in("entities: [*missing]\n"), @"f.yaml:1:12: malformed YAML: reference to unknown value");
    insta::assert_snapshot!(error_in("- a\n- b\n"), @"f.yaml:1:1: expected a mapping with the keys entities, sources, transforms, feature_views, on_demand_feature_views, feature_services, found a list");
    insta::assert_snapshot!(error_in("hello\n"), @"f.yaml:1:1: expected a mapping with the keys entities, sources, transforms, feature_views, on_demand_feature_views, feature_services, found `hello`");
}

#[test]
fn a_file_that_is_not_text_is_refused_by_its_name() {
    let folder = folder(&[("skewless.yaml", SETTINGS)]);
    fs::write(folder.path().join("f.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    let error = Repository::load(folder.path(), &environment).unwrap_err();
    assert!(error.to_string().contains("f.yaml` is not UTF-8 text"), "{error}");
}

#[test]
fn keys_and_types_are_checked_with_their_place() {
    insta::assert_snapshot!(error_after("    ttl: 3h", "    tll: 3h"), @"f.yaml:31:5: feature_views: unknown key `tll`: did you mean `ttl`?");
    insta::assert_snapshot!(error_after("    ttl: 3h", "    colour: red"), @"f.yaml:31:5: feature_views: unknown key `colour`: known keys are name, entities, source, ttl, schema, online, transform, description, tags, owner");
    insta::assert_snapshot!(error_after("    ttl: 3h", "    ttl: 3 hours"), @"f.yaml:31:10: ttl: `3 hours` is not a ttl: write numbers with units, such as 90s, 3h, 7d or 1d12h (us, ms, s, m, h, d, w)");
    insta::assert_snapshot!(error_after("    ttl: 3h", "    ttl: [3h]"), @"f.yaml:31:10: ttl: expected text, found a list");
    insta::assert_snapshot!(error_after("entities: [plane]", "entities: plane"), @"f.yaml:36:15: entities: expected a list, found `plane`");
    insta::assert_snapshot!(error_after("    source: weather\n", ""), @"f.yaml:28:5: feature_views: the key `source` is missing");
    insta::assert_snapshot!(error_after("    source: weather\n", "    source:\n"), @"f.yaml:30:11: source: expected text, found nothing");
    insta::assert_snapshot!(error_after("{name: wind_dir, type: float64", "{name: wind_dir, type: double"), @"f.yaml:33:32: type: unknown type `double`: use bool, int32, int64, float32, float64, string, bytes, timestamp, or a list of one of them such as list<float64>");
    insta::assert_snapshot!(error_after("{name: wind_dir, type: float64, description: degrees}", "wind_dir"), @"f.yaml:33:9: schema: expected a mapping with the keys name, type, description, tags, found `wind_dir`");
    insta::assert_snapshot!(error_after("online: false", "online: no"), @"f.yaml:39:13: online: expected true or false, found `no`");
    insta::assert_snapshot!(error_after("deadline_ms: 100", "deadline_ms: -1"), @"f.yaml:24:51: deadline_ms: expected a whole number, such as 100, found `-1`");
    insta::assert_snapshot!(error_after("weather:wind_dir", "weather"), @"f.yaml:47:23: wind_direction: `weather` is not an input: write `view:feature`, `request:field` or `event_timestamp`");
    insta::assert_snapshot!(error_after("\"plane_recent_delays:mean_arr_delay\"", "\"a:b:c\""), @"f.yaml:54:15: features: `a:b:c` is not a feature: write `view` for all its features, or `view:feature` for one");
    insta::assert_snapshot!(error_after("data/weather.parquet", "${UNSET}/weather.parquet"), @"f.yaml:15:11: the environment variable `UNSET` is not set: set it, or give it a default, `${UNSET:-…}`");
}
