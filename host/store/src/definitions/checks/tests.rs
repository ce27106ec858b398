use crate::definitions::fixture::{FLIGHTS, SETTINGS, error, error_after, error_in};

#[test]
fn settings_are_checked() {
    insta::assert_snapshot!(error(&[("skewless.yaml", "project: My-Flights\n")]), @"skewless.yaml:1:10: the project can't be called `My-Flights`: a name starts with a lower-case letter, goes on with lower-case letters, digits and `_`, and has at most 64 characters");
    insta::assert_snapshot!(error(&[("skewless.yaml", "project: x\nregstry: here\n")]), @"skewless.yaml:2:1: unknown key `regstry`: did you mean `registry`?");
    insta::assert_snapshot!(error(&[("skewless.yaml", "description: x\n")]), @"skewless.yaml:1:1: the key `project` is missing");
    insta::assert_snapshot!(error(&[("skewless.yaml", "project: x\nonline_store:\n  type: memcached\n")]), @"skewless.yaml:3:9: type: `memcached` is not known here: use embedded or redis");
    insta::assert_snapshot!(error(&[("skewless.yaml", "project: x\nonline_store:\n  type: embedded\n  file: x\n")]), @"skewless.yaml:4:3: online_store: unknown key `file`: known keys are path");
    insta::assert_snapshot!(error(&[("skewless.yaml", "project: x\nregistry: ''\nonline_store: {type: embedded, path: ''}\n")]), @r"
    skewless.yaml:2:11: the registry needs a folder or a URL
    … and 1 more:
    skewless.yaml:3:38: the online store needs a file
    ");
}

#[test]
fn what_is_said_of_redis_is_checked_and_its_password_never_repeated() {
    let redis = |rest: &str| error(&[("skewless.yaml", &format!("project: x\nonline_store:\n  type: redis\n{rest}"))]);
    insta::assert_snapshot!(redis(""), @"skewless.yaml:3:3: online_store: the key `connection_string` is missing");
    insta::assert_snapshot!(redis("  connection_string: localhost,pasword=secret\n"), @"skewless.yaml:4:22: the connection string has an unknown option `pasword`: known are username, password, db, ssl, ssl_ca_certs, ssl_certfile and ssl_keyfile");
    insta::assert_snapshot!(redis("  connection_string: 'redis:/:secret@localhost'\n"), @"skewless.yaml:4:22: the connection string has a server that is no `host:port`: write `host:6379`");
    insta::assert_snapshot!(redis("  connection_string: a:1,b:1\n"), @"skewless.yaml:4:22: the connection string names 2 servers: name one, or say `redis_type: redis_cluster`");
    insta::assert_snapshot!(redis("  connection_string: a:1\n  redis_type: sentinel\n"), @"skewless.yaml:3:3: online_store: `sentinel` is not known here: use redis or redis_cluster");
    insta::assert_snapshot!(redis("  connection_string: a:1\n  key_ttl_margin: long\n"), @"skewless.yaml:3:3: online_store: `long` is not a ttl: write numbers with units, such as 90s, 3h, 7d or 1d12h (us, ms, s, m, h, d, w)");
}

#[test]
fn names_are_checked_with_their_place() {
    insta::assert_snapshot!(error_after("name: plane\n", "name: Plane\n"), @r"
    f.yaml:8:11: the entity can't be called `Plane`: a name starts with a lower-case letter, goes on with lower-case letters, digits and `_`, and has at most 64 characters
    … and 1 more:
    f.yaml:36:16: unknown entity `plane`: did you mean `Plane`?
    ");
    insta::assert_snapshot!(error_after("- name: weather\n    entities", "- name: request\n    entities"), @r"
    f.yaml:28:11: no feature view can be called `request`: `request:field` stands for what a request brings
    … and 3 more:
    f.yaml:47:23: unknown feature view `weather`: known are `plane_recent_delays`, `request`
    f.yaml:50:36: unknown feature view `weather`: known are `plane_recent_delays`, `request`
    f.yaml:54:16: unknown feature view `weather`: known are `plane_recent_delays`, `request`, `runway_wind`
    ");
    insta::assert_snapshot!(error_after("name: mean_arr_delay", "name: mean-arr-delay"), @r"
    f.yaml:38:21: the feature can't be called `mean-arr-delay`: a name starts with a lower-case letter, goes on with lower-case letters, digits and `_`, and has at most 64 characters
    … and 1 more:
    f.yaml:54:25: `plane_recent_delays` has no feature `mean_arr_delay`: did you mean `mean-arr-delay`?
    ");
    insta::assert_snapshot!(error_after("name: mean_arr_delay", "name: event_timestamp"), @r"
    f.yaml:38:21: no feature can be called `event_timestamp`: that column holds the instant of an entity row
    … and 1 more:
    f.yaml:54:25: `plane_recent_delays` has no feature `mean_arr_delay`: known are `event_timestamp`
    ");
    insta::assert_snapshot!(error_after("{windDir: wind_dir}", "{windDir: Wind}"), @"f.yaml:18:30: the column `windDir` can't be called `Wind`: a name starts with a lower-case letter, goes on with lower-case letters, digits and `_`, and has at most 64 characters");
    insta::assert_snapshot!(error_after("{windDir: wind_dir}", "{a: x, b: x}"), @"f.yaml:18:30: the columns `a` and `b` are both called `x`: rename one");
}

#[test]
fn nothing_has_two_meanings() {
    insta::assert_snapshot!(error_after("name: wind_speed", "name: wind_dir"), @"f.yaml:34:16: the feature view `weather` has two features named `wind_dir`: rename or drop one");
    insta::assert_snapshot!(error_after("{name: wind_dir, type: float64, ", "{name: origin, type: float64, "), @r"
    f.yaml:33:16: the feature `origin` has the name of a join key of the feature view `weather`: rename it, or drop it, since the join key stands beside the features anyway
    … and 1 more:
    f.yaml:47:23: `weather` has no feature `wind_dir`: known are `origin`, `wind_speed`
    ");
    insta::assert_snapshot!(error_after("name: runway_heading", "name: tailnum"), @r"
    f.yaml:45:22: the request field `tailnum` has the name of a join key of the entity `plane`: rename it
    … and 1 more:
    f.yaml:48:16: unknown request field `runway_heading`: known are `tailnum`
    ");
    insta::assert_snapshot!(error_after("name: airport", "name: plane"), @r"
    f.yaml:8:11: the entity `plane` has the name of the entity at f.yaml:3:5: rename one
    … and 1 more:
    f.yaml:29:16: unknown entity `airport`: known are `plane`
    ");
    insta::assert_snapshot!(error_after("- name: runway_wind\n    transform", "- name: weather\n    transform"), @r"
    f.yaml:43:11: the on-demand feature view `weather` has the name of the feature view at f.yaml:28:5: rename one
    … and 1 more:
    f.yaml:54:63: unknown feature view `runway_wind`: known are `plane_recent_delays`, `weather`
    ");
    insta::assert_snapshot!(error_after("- name: runway_wind\n    transform: r", "- name: weather\n    transform: x"), @r"
    f.yaml:43:11: the on-demand feature view `weather` has the name of the feature view at f.yaml:28:5: rename one
    … and 2 more:
    f.yaml:44:16: unknown transform `xunway_wind`: did you mean `runway_wind`?
    f.yaml:54:63: unknown feature view `runway_wind`: known are `plane_recent_delays`, `weather`
    ");
    insta::assert_snapshot!(error_after("entities: [airport]", "entities: [airport, airport]"), @"f.yaml:29:25: the entity `airport` stands here twice: drop one");
    insta::assert_snapshot!(error_after("features: [weather,", "features: [\"weather:wind_dir\", weather,"), @"f.yaml:54:36: `weather` repeats features that stand above it: list each feature once");
    insta::assert_snapshot!(error_after("sources: [plane_recent_delays, weather]", "sources: [weather, weather]"), @"f.yaml:50:24: the feature view `weather` stands here twice: drop one");
}

#[test]
fn two_objects_of_one_name_are_shown_both() {
    let entity = "entities:\n  - name: a\n    join_keys: [{name: k, type: int64}]\n";
    insta::assert_snapshot!(error(&[("skewless.yaml", SETTINGS), ("a.yaml", entity), ("b.yaml", entity)]), @"b.yaml:2:11: the entity `a` has the name of the entity at a.yaml:2:5: rename one");
}

#[test]
fn references_lead_somewhere() {
    insta::assert_snapshot!(error_after("entities: [airport]", "entities: [airprot]"), @"f.yaml:29:16: unknown entity `airprot`: did you mean `airport`?");
    insta::assert_snapshot!(error_after("source: delays", "source: flights"), @"f.yaml:37:13: unknown source `flights`: known are `delays`, `weather`");
    insta::assert_snapshot!(error_after("{name: cyclic_time, inputs", "{name: cyclic_tim, inputs"), @"f.yaml:40:23: unknown transform `cyclic_tim`: did you mean `cyclic_time`?");
    insta::assert_snapshot!(error_after("transform: runway_wind", "transform: runway"), @"f.yaml:44:16: unknown transform `runway`: known are `cyclic_time`, `runway_wind`");
    insta::assert_snapshot!(error_after("weather:wind_dir", "wether:wind_dir"), @"f.yaml:47:23: unknown feature view `wether`: did you mean `weather`?");
    insta::assert_snapshot!(error_after("weather:wind_dir", "weather:wind_direction"), @"f.yaml:47:23: `weather` has no feature `wind_direction`: known are `wind_dir`, `wind_speed`");
    insta::assert_snapshot!(error_after("weather:wind_dir", "runway_wind:crosswind"), @"f.yaml:47:23: `runway_wind` is an on-demand feature view: inputs come from feature views, from the request or from event_timestamp");
    insta::assert_snapshot!(error_after("request:runway_heading", "request:heading"), @"f.yaml:48:16: unknown request field `heading`: known are `runway_heading`");
    insta::assert_snapshot!(error_after("plane_recent_delays, weather]", "runway_wind]"), @"f.yaml:50:15: `runway_wind` is an on-demand feature view: inputs come from feature views, from the request or from event_timestamp");
    insta::assert_snapshot!(error_after("features: [weather,", "features: [whether,"), @"f.yaml:54:16: unknown feature view `whether`: did you mean `weather`?");
    insta::assert_snapshot!(error_after("delays:mean_arr_delay", "delays:mean_delay"), @"f.yaml:54:25: `plane_recent_delays` has no feature `mean_delay`: known are `mean_arr_delay`");
}

#[test]
fn what_is_empty_is_refused() {
    insta::assert_snapshot!(error_after("[{name: origin, type: string}]", "[]"), @"f.yaml:4:16: the entity `airport` has no join key: name the columns that tell one from another");
    insta::assert_snapshot!(error_after("entities: [plane]", "entities: []"), @"f.yaml:36:15: the feature view `plane_recent_delays` has no entity: name at least one");
    insta::assert_snapshot!(error_after("schema: [{name: mean_arr_delay, type: float64}]", "schema: []").lines().next().unwrap(), @"f.yaml:38:13: the feature view `plane_recent_delays` has no features: list them in its schema");
    insta::assert_snapshot!(error_after("path: data/weather.parquet", "path: ''"), @"f.yaml:15:11: the source `weather` needs a file, a folder or a glob");
    insta::assert_snapshot!(error_after("deadline_ms: 100", "deadline_ms: 0"), @"f.yaml:24:51: a limit of 0 lets nothing run: give `deadline_ms` a number, or leave it out");
    insta::assert_snapshot!(error_in("feature_services: [{name: s, features: []}]"), @"f.yaml:1:40: the feature service `s` has no features: list them");
}

#[test]
fn a_view_that_is_written_reads_one_feature_view_and_nothing_of_a_request() {
    let written = |rest: &str| {
        let (before, after) = FLIGHTS.split_once("on_demand_feature_views:").unwrap();
        let services = after.split_once("feature_services:").unwrap().1;
        let view = format!("  - {{name: runway_wind, transform: runway_wind, write_to_online_store: true, {rest}}}\n");
        error_in(&format!("{before}on_demand_feature_views:\n{view}\nfeature_services:{services}"))
    };
    insta::assert_snapshot!(written("sources: [weather], request: [{name: heading, type: float64}]"), @"f.yaml:43:72: `runway_wind` can't be written to the online store: it needs the request field `heading`, which is known only when somebody asks");
    insta::assert_snapshot!(written("sources: [weather], inputs: {now: event_timestamp}"), @"f.yaml:43:72: `runway_wind` can't be written to the online store: it reads `event_timestamp`, which is known only when somebody asks");
    insta::assert_snapshot!(written("sources: [weather, plane_recent_delays]"), @"f.yaml:43:72: `runway_wind` can't be written to the online store: it reads `weather` and `plane_recent_delays`, whose rows are stored at different times: read one feature view only");
    insta::assert_snapshot!(written("sources: [plane_recent_delays]"), @"f.yaml:43:72: `runway_wind` can't be written to the online store: `plane_recent_delays`, which it reads, has a transform of its own: read one that has none");
    insta::assert_snapshot!(written(""), @"f.yaml:43:72: `runway_wind` can't be written to the online store: it reads no feature view: name one in `sources`");
    insta::assert_snapshot!(written("sources: [whether]"), @"f.yaml:43:88: unknown feature view `whether`: did you mean `weather`?");
}

#[test]
fn join_keys_have_types_that_compare_everywhere() {
    insta::assert_snapshot!(error_after("{name: origin, type: string}", "{name: origin, type: float64}"), @"f.yaml:4:38: the join key `origin` can't be float64: use one of string, bytes, int32, int64, timestamp");
    insta::assert_snapshot!(error_after("{name: origin, type: string}", "{name: a, type: int32}, {name: a, type: int64}"), @"f.yaml:4:48: the entity `airport` has two join keys named `a`: rename or drop one");
    let shared =
        FLIGHTS.replace("entities: [airport]", "entities: [airport, plane]").replace("name: tailnum", "name: origin");
    insta::assert_snapshot!(error_in(&shared), @"f.yaml:29:25: the entities `airport` and `plane` both have the join key `origin`: rename one");
}

#[test]
fn one_column_of_the_entity_rows_has_one_type_in_a_service() {
    let definitions = "
entities:
  - {name: a, join_keys: [{name: id, type: int64}]}
  - {name: b, join_keys: [{name: id, type: string}]}
sources: [{name: s, path: s.parquet, timestamp_field: t}]
feature_views:
  - {name: x, entities: [a], source: s, schema: [{name: f, type: bool}]}
  - {name: y, entities: [b], source: s, schema: [{name: f, type: bool}]}
feature_services:
  - {name: fine, features: [x]}
  - name: wrong
    features:
      - x
      - y
";
    insta::assert_snapshot!(error_in(definitions), @"f.yaml:14:9: `y` reads the column `id` of the entity rows as string, `x` as int64: rename one of the two");
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_files() {
    let wrong = FLIGHTS
        .replace("source: delays", "source: delay")
        .replace("entities: [airport]", "entities: [airprot]")
        .replace("weather:wind_dir", "weather:wind");
    insta::assert_snapshot!(error_in(&wrong), @r"
    f.yaml:29:16: unknown entity `airprot`: did you mean `airport`?
    … and 2 more:
    f.yaml:37:13: unknown source `delay`: did you mean `delays`?
    f.yaml:47:23: `weather` has no feature `wind`: known are `wind_dir`, `wind_speed`
    ");
    let broken =
        error(&[("skewless.yaml", "project: X\n"), ("a.yaml", "a: 1\n"), ("b.yaml", "b: 1\n"), ("c.yaml", FLIGHTS)]);
    insta::assert_snapshot!(broken, @r"
    a.yaml:1:1: unknown key `a`: known keys are entities, sources, transforms, feature_views, on_demand_feature_views, feature_services
    … and 2 more:
    b.yaml:1:1: unknown key `b`: known keys are entities, sources, transforms, feature_views, on_demand_feature_views, feature_services
    skewless.yaml:1:10: the project can't be called `X`: a name starts with a lower-case letter, goes on with lower-case letters, digits and `_`, and has at most 64 characters
    ");
    let many: String =
        (0..30).map(|n| format!("  - {{name: E{n}, join_keys: [{{name: k, type: int64}}]}}\n")).collect();
    insta::assert_snapshot!(error_in(&format!("entities:\n{many}")).lines().last().unwrap(), @"(9 not shown)");
}
