use std::fs;

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::ErrorKind;
use crate::definitions::Definitions;
use crate::row_schema::RowSchema;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn in_memory() -> Registry {
    Registry::open("memory:///shared", FilePath::new("/"), "flights").unwrap()
}

fn in_folder() -> (TempDir, Registry) {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open("new/registry", folder.path(), "flights").unwrap();
    (folder, registry)
}

fn state(view: &str) -> State {
    let views = [(view.to_owned(), ViewState::default())].into();
    State { project: "flights".into(), views, ..State::default() }
}

fn commit_file(folder: &TempDir, number: u64) -> std::path::PathBuf {
    folder.path().join(format!("new/registry/flights/log/{number:020}.json"))
}

#[tokio::test]
async fn an_empty_registry_has_no_commit_and_makes_no_folder() {
    let (folder, registry) = in_folder();
    assert_eq!(registry.current().await.unwrap(), None);
    assert_eq!(registry.history(10).await.unwrap(), []);
    assert!(!folder.path().join("new").exists());
}

#[tokio::test]
async fn the_newest_commit_is_the_current_one_also_for_those_who_open_later() {
    let (folder, registry) = in_folder();
    let other = Registry::open("new/registry", folder.path(), "flights").unwrap();
    for number in 1..=12 {
        let made = registry.commit(number - 1, Action::Apply, state(&format!("v{number}")), at(0)).await.unwrap();
        assert_eq!(made.number, number);
        assert_eq!(registry.current().await.unwrap(), Some(made.clone()));
        assert_eq!(other.current().await.unwrap(), Some(made));
    }
    let newcomer = Registry::open("new/registry", folder.path(), "flights").unwrap();
    assert_eq!(newcomer.current().await.unwrap().unwrap().state, state("v12"));
}

#[tokio::test]
async fn a_file_url_is_the_same_registry_as_its_folder() {
    let (folder, registry) = in_folder();
    registry.commit(0, Action::Apply, state("v"), at(0)).await.unwrap();
    let url = format!("file://{}/new/registry", folder.path().canonicalize().unwrap().display());
    let by_url = Registry::open(&url, FilePath::new("/nowhere"), "flights").unwrap();
    assert_eq!(by_url.current().await.unwrap(), registry.current().await.unwrap());
}

#[tokio::test]
async fn a_folder_of_any_name_holds_a_registry() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open("a b#c%41é", folder.path(), "flights").unwrap();
    registry.commit(0, Action::Apply, state("v"), at(0)).await.unwrap();
    assert!(folder.path().join("a b#c%41é/flights/log").is_dir());
    assert_eq!(registry.current().await.unwrap().unwrap().number, 1);
}

#[tokio::test]
async fn projects_in_one_registry_do_not_see_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let flights = Registry::open(".", folder.path(), "flights").unwrap();
    let flights2 = Registry::open(".", folder.path(), "flights2").unwrap();
    flights.commit(0, Action::Apply, state("v"), at(0)).await.unwrap();
    assert_eq!(flights2.current().await.unwrap(), None);
}

#[tokio::test]
async fn a_commit_upon_an_old_one_is_a_conflict_and_changes_nothing() {
    let registry = in_memory();
    registry.commit(0, Action::Apply, state("first"), at(0)).await.unwrap();
    let error = registry.commit(0, Action::Apply, state("late"), at(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    insta::assert_snapshot!(error.message(), @"commit 1 of the project `flights` was made by somebody else meanwhile: read the registry again and repeat");
    assert_eq!(registry.current().await.unwrap().unwrap().state, state("first"));
}

#[tokio::test]
async fn an_update_starts_from_an_empty_state_and_commits_nothing_when_it_fails() {
    let registry = in_memory();
    let error = registry.update(at(0), Action::Apply, |_| Err(Error::not_found("no"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(registry.current().await.unwrap(), None);
    let commit = registry.update(at(0), Action::Apply, |_| Ok(())).await.unwrap();
    assert_eq!((commit.number, commit.state), (1, State { project: "flights".into(), ..State::default() }));
}

async fn update_all_at_once(registry: impl Fn() -> Registry) {
    const WRITERS: usize = 24;
    let tasks = (0..WRITERS).map(|writer| {
        let registry = registry();
        tokio::spawn(async move {
            let add = |state: &mut State| {
                state.views.insert(format!("view{writer}"), ViewState::default());
                Ok(())
            };
            registry.update(at(0), Action::Apply, add).await
        })
    });
    let mut numbers = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        numbers.push(task.await.unwrap().unwrap().number);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=WRITERS as u64).collect::<Vec<_>>());
    assert_eq!(registry().current().await.unwrap().unwrap().state.views.len(), WRITERS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_at_one_instant_all_commit_and_none_is_lost() {
    let registry = in_memory();
    update_all_at_once(|| registry.clone()).await;
    let (folder, _) = in_folder();
    update_all_at_once(|| Registry::open("new/registry", folder.path(), "flights").unwrap()).await;
}

#[tokio::test]
async fn the_commit_that_was_the_newest_at_an_instant_is_found_with_the_end_of_its_time() {
    let (_folder, registry) = in_folder();
    assert_eq!(registry.as_of(at(0)).await.unwrap(), (None, None));
    for number in 1..=9 {
        registry.commit(number - 1, Action::Apply, state(&format!("v{number}")), at(number as i64 * 10)).await.unwrap();
    }
    for second in 0..100_i64 {
        let (commit, next) = registry.as_of(at(second)).await.unwrap();
        let number = second / 10;
        assert_eq!(commit.map_or(0, |commit| commit.number as i64), number, "{second}");
        assert_eq!(next, (number < 9).then(|| at((number + 1) * 10)), "{second}");
    }
    assert_eq!(registry.commit_at(3).await.unwrap().state, state("v3"));
    let error = registry.commit_at(10).await.unwrap_err();
    insta::assert_snapshot!(error, @"project `flights` has no commit 10 in the registry `new/registry`");
}

#[tokio::test]
async fn the_history_is_told_newest_first() {
    let registry = in_memory();
    let (start, end) = (at(-100), at(100));
    let materialize = Action::Materialize { feature_view: "weather".into(), start, end, shard: None };
    for (second, action) in [Action::Apply, materialize, Action::Teardown].into_iter().enumerate() {
        registry.update(at(second as i64), action, |_| Ok(())).await.unwrap();
    }
    let told = |summaries: Vec<CommitSummary>| {
        summaries.iter().map(|c| format!("{} {} {:?}\n", c.number, c.at, c.action)).collect::<String>()
    };
    insta::assert_snapshot!(told(registry.history(10).await.unwrap()), @r#"
    3 2023-11-14T22:13:22Z Teardown
    2 2023-11-14T22:13:21Z Materialize { feature_view: "weather", start: 2023-11-14T22:11:40Z, end: 2023-11-14T22:15:00Z, shard: None }
    1 2023-11-14T22:13:20Z Apply
    "#);
    insta::assert_snapshot!(told(registry.history(1).await.unwrap()), @"3 2023-11-14T22:13:22Z Teardown");
}

#[tokio::test]
async fn a_log_that_was_replaced_by_a_shorter_one_is_read_afresh() {
    let (folder, registry) = in_folder();
    for number in 0..3 {
        registry.commit(number, Action::Apply, state("old"), at(0)).await.unwrap();
    }
    fs::remove_dir_all(folder.path().join("new")).unwrap();
    assert_eq!(registry.current().await.unwrap(), None);
    assert_eq!(registry.update(at(0), Action::Apply, |_| Ok(())).await.unwrap().number, 1);
}

#[tokio::test]
async fn other_files_in_the_log_are_no_commits() {
    let (folder, registry) = in_folder();
    registry.commit(0, Action::Apply, state("v"), at(0)).await.unwrap();
    for name in ["00000000000000000002.json.tmp", "2.json", "README.md", "0000000000000000000x.json"] {
        fs::write(commit_file(&folder, 1).with_file_name(name), "x").unwrap();
    }
    let newcomer = Registry::open("new/registry", folder.path(), "flights").unwrap();
    assert_eq!(newcomer.current().await.unwrap().unwrap().number, 1);
}

/// The error of reading a log whose only commit was changed by `change`.
async fn error_after(change: impl FnOnce(String) -> String) -> String {
    let (folder, registry) = in_folder();
    registry.commit(0, Action::Apply, state("v"), at(0)).await.unwrap();
    let file = commit_file(&folder, 1);
    fs::write(&file, change(fs::read_to_string(&file).unwrap())).unwrap();
    let error = registry.current().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let folder = folder.path().canonicalize().unwrap();
    let told = error.to_string().replace(folder.to_str().unwrap().trim_start_matches('/'), "…");
    told.replace(&commit::tool(), "skewless X")
}

#[tokio::test]
async fn a_damaged_commit_is_named() {
    insta::assert_snapshot!(error_after(|text| text[..text.len() / 2].to_owned()).await, @"the commit `…/new/registry/flights/log/00000000000000000001.json` is damaged: restore the file, or remove it to go back to the one before: EOF while parsing a string at line 1 column 78");
    insta::assert_snapshot!(error_after(|_| String::new()).await, @"the commit `…/new/registry/flights/log/00000000000000000001.json` is damaged: restore the file, or remove it to go back to the one before: EOF while parsing a value at line 1 column 0");
    insta::assert_snapshot!(error_after(|text| text.replace("\"number\":1", "\"number\":7")).await, @"`…/new/registry/flights/log/00000000000000000001.json` holds commit 7 of the project `flights`: it was copied or renamed, restore what was there");
    insta::assert_snapshot!(error_after(|text| text.replace("\"project\":\"flights\"", "\"project\":\"x\"")).await, @"`…/new/registry/flights/log/00000000000000000001.json` holds commit 1 of the project `x`: it was copied or renamed, restore what was there");
    insta::assert_snapshot!(error_after(|text| text.replace("\"state\"", "\"news\":1,\"state\"")).await, @"the commit `…/new/registry/flights/log/00000000000000000001.json`, written by skewless X, can't be read by skewless X: unknown field `news`, expected one of `format`, `number`, `at`, `tool`, `action`, `state` at line 1 column 98");
}

#[tokio::test]
async fn a_commit_of_a_newer_format_is_refused_whatever_it_holds() {
    let newer = r#"{"format":2,"tool":"skewless 3.1.0","news":[]}"#;
    insta::assert_snapshot!(error_after(|_| newer.to_owned()).await, @"the commit `…/new/registry/flights/log/00000000000000000001.json` was written by a newer skewless (skewless 3.1.0, format 2); this is skewless X and reads formats up to 1: use a newer one");
}

#[tokio::test]
async fn a_commit_is_stored_in_a_form_that_later_versions_can_read() {
    let schema = RowSchema::new(vec![("wind_speed".into(), "float64".parse().unwrap())]);
    let view = ViewState {
        schemas: vec![schema],
        materialized: vec![Interval { start: 0, end: 5 }],
        sharded: Vec::new(),
        outdated: false,
        digest: Some("sha256:00".into()),
    };
    let signature = skewless_runtime::Signature {
        name: "double".into(),
        version: "1.0.0".into(),
        documentation: String::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
    };
    let transform = AppliedTransform { digest: "sha256:00".into(), size_bytes: 1, signature };
    let state = State {
        saved_datasets: [].into(),
        project: "flights".into(),
        definitions: Definitions::default(),
        transforms: [("double".to_owned(), transform)].into(),
        views: [("weather".to_owned(), view)].into(),
    };
    let (folder, registry) = in_folder();
    let action = Action::Materialize { feature_view: "weather".into(), start: at(0), end: at(5), shard: None };
    let written = registry.commit(0, action, state, at(9)).await.unwrap();
    assert_eq!(registry.current().await.unwrap(), Some(written));
    let text = fs::read_to_string(commit_file(&folder, 1)).unwrap();
    insta::assert_snapshot!(text.replace(&commit::tool(), "skewless X"), @r#"{"format":1,"number":1,"at":"2023-11-14T22:13:29Z","tool":"skewless X","action":{"materialize":{"feature_view":"weather","start":"2023-11-14T22:13:20Z","end":"2023-11-14T22:13:25Z"}},"state":{"project":"flights","definitions":{},"transforms":{"double":{"digest":"sha256:00","size_bytes":1,"signature":{"name":"double","version":"1.0.0","documentation":"","inputs":[],"outputs":[]}}},"views":{"weather":{"schemas":[{"id":"abbd0a1e2f1020e4","fields":[["wind_speed","float64"]]}],"materialized":[{"start":0,"end":5}],"digest":"sha256:00"}}}}"#);
}

#[test]
fn a_schema_that_is_written_again_is_the_newest_once() {
    let schema = |name: &str| RowSchema::new(vec![(name.into(), "int64".parse().unwrap())]);
    let mut view = ViewState::default();
    for name in ["a", "b", "a"] {
        view.remember(schema(name));
    }
    assert_eq!(view.schemas, [schema("b"), schema("a")]);
}

#[tokio::test]
async fn a_component_comes_back_by_its_digest_and_is_stored_once() {
    let (folder, registry) = in_folder();
    let digest = registry.put_component(b"abc").await.unwrap();
    assert_eq!(registry.put_component(b"abc").await.unwrap(), digest);
    assert_eq!(registry.component(&digest).await.unwrap(), b"abc");
    let file = "new/registry/flights/components/sha256/ba/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.wasm";
    assert_eq!(fs::read(folder.path().join(file)).unwrap(), b"abc");

    fs::write(folder.path().join(file), b"abd").unwrap();
    let error = registry.component(&digest).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("is damaged"), "{error}");
}

#[tokio::test]
async fn a_component_that_was_cut_off_is_mended_by_storing_it_again() {
    let (folder, registry) = in_folder();
    let digest = registry.put_component(b"abc").await.unwrap();
    let hex = digest.strip_prefix("sha256:").unwrap();
    let file = folder.path().join(format!("new/registry/flights/components/sha256/{}/{hex}.wasm", &hex[..2]));
    fs::write(&file, b"a").unwrap();
    assert_eq!(registry.component(&digest).await.unwrap_err().kind(), ErrorKind::Corrupt);
    registry.put_component(b"abc").await.unwrap();
    assert_eq!(registry.component(&digest).await.unwrap(), b"abc");
}

#[tokio::test]
async fn a_component_that_is_not_there_is_not_found() {
    let registry = in_memory();
    let unknown = skewless_runtime::Digest::of(b"x").to_string();
    for digest in [unknown.as_str(), "sha256:../../secret", "x"] {
        assert_eq!(registry.component(digest).await.unwrap_err().kind(), ErrorKind::NotFound, "{digest}");
    }
    insta::assert_snapshot!(registry.component(&unknown).await.unwrap_err(), @"the registry `memory:///shared` has no component sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881: apply the repository again");
}

#[tokio::test]
async fn a_folder_that_can_not_be_written_is_unavailable_and_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("registry"), "a file, not a folder").unwrap();
    let registry = Registry::open("registry", folder.path(), "flights").unwrap();
    let error = registry.commit(0, Action::Apply, state("v"), at(0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    insta::assert_snapshot!(error.message(), @"can't write commit 1 in the registry `registry`");
}
