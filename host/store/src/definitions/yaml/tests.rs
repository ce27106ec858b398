use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::definitions::{Definitions, Settings};

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    name: String,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    is_big: bool,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

fn read(text: &str) -> Vec<Thing> {
    parse(text).unwrap().unwrap().read().unwrap()
}

#[test]
fn anchors_and_merge_keys_are_followed() {
    let things =
        read("- &base {name: a, size: 16, tags: &tags {v: 1.10}}\n- {<<: *base, name: b}\n- {name: c, tags: *tags}\n");
    let told: Vec<_> = things.iter().map(|thing| (thing.name.as_str(), thing.tags["v"].as_str())).collect();
    assert_eq!(told, [("a", "1.10"), ("b", "1.10"), ("c", "1.10")]);
}

#[test]
fn texts_of_every_style_are_read() {
    let things = read(
        "- name: >\n    two\n    lines\n- name: |-\n    a\n    b\n- name: 'it''s'\n- name: \"\\u00e9\\n\"\n- name: é # text\n",
    );
    let names: Vec<_> = things.iter().map(|thing| thing.name.as_str()).collect();
    assert_eq!(names, ["two lines\n", "a\nb", "it's", "é\n", "é"]);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_change_nothing() {
    let things = read("\u{feff}- name: a\r\n  is_big: true\r\n  size: 7\r\n  tags: {}\r\n");
    assert_eq!(things, [Thing { name: "a".into(), size: Some(7), is_big: true, tags: BTreeMap::new() }]);
}

#[test]
fn places_are_counted_in_characters() {
    let node = parse("é: {é: x}\nb: [1,\n   two]\n").unwrap().unwrap();
    let place = |path| node.follow(path).place;
    assert_eq!(place("é.é"), Place { line: 1, column: 8 });
    assert_eq!(place("b.1"), Place { line: 3, column: 4 });
    assert_eq!(place("b.two"), Place { line: 3, column: 4 });
    assert_eq!(place("b.9"), Place { line: 2, column: 4 });
    assert_eq!(place(""), Place { line: 1, column: 1 });
}

#[test]
fn a_file_that_nests_too_deep_or_repeats_itself_too_often_is_refused() {
    assert!(parse(&"[".repeat(100_000)).is_err());
    assert!(parse(&format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000))).is_err());
    let doubled = |n: usize| format!("- &a{n} [{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}]\n", format!("*a{}", n - 1));
    let bomb: String = std::iter::once("- &a0 x\n".to_owned()).chain((1..12).map(doubled)).collect();
    assert!(parse(&bomb).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[a-z\\[\\]{}:,&*!|>'\"#%\\-?\\n\\t $0-9.~<é]{0,80}") {
        if let Ok(Some(node)) = parse(&text) {
            let _ = node.read::<Definitions>();
            let _ = node.read::<Settings>();
            let _ = node.read::<Vec<Thing>>();
        }
    }
}
