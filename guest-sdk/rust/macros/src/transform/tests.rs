//! What an author reads who wrote something else than a transform.

use std::fmt::Write as _;

use proc_macro2::{TokenStream, TokenTree};

/// The messages of the errors in an expansion.
fn errors(expansion: TokenStream) -> String {
    let mut messages = String::new();
    let mut is_error = false;
    for token in expansion {
        match token {
            TokenTree::Ident(ident) => is_error = ident == "compile_error",
            TokenTree::Group(group) if is_error => {
                let message: syn::LitStr = syn::parse2(group.stream()).unwrap();
                writeln!(messages, "{}", message.value()).unwrap();
                is_error = false;
            }
            _ => {}
        }
    }
    messages
}

fn transform_errors(arguments: &str, item: &str) -> String {
    errors(super::expand(arguments.parse().unwrap(), item.parse().unwrap()))
}

fn features_errors(item: &str) -> String {
    errors(crate::features::expand(item.parse().unwrap()))
}

#[test]
fn only_plain_functions_are_transforms() {
    let item = |item: &str| transform_errors("", item);
    insta::assert_snapshot!(item("struct S;"), @"`#[transform]` is for a function: expected `fn`");
    insta::assert_snapshot!(item("fn f(&self) -> f64 { 0.0 }"), @"a transform can't take `self`: make it a plain function");
    insta::assert_snapshot!(item("fn f<T>(a: T) -> f64 { 0.0 }"), @"a transform can't be generic: each input and output has one type");
    insta::assert_snapshot!(item("async fn f(a: f64) -> f64 { 0.0 }"), @"a transform can't be async: there is nothing it could wait for");
    insta::assert_snapshot!(item("unsafe fn f(a: f64) -> f64 { 0.0 }"), @"a transform can't be unsafe: the host calls it with any values of its types");
    insta::assert_snapshot!(item("extern \"C\" fn f(a: f64) -> f64 { 0.0 }"), @"a transform is a plain Rust function: leave the ABI out");
    insta::assert_snapshot!(item("fn f(a: f64) {}"), @"a transform returns its outputs: add `-> f64`, or another type of value");
    insta::assert_snapshot!(item("fn f(a: f64) -> impl Copy { a }"), @"a transform returns values of a named type, such as `f64`");
}

#[test]
fn names_keep_to_the_contract() {
    insta::assert_snapshot!(transform_errors("", "fn Distance(a: f64) -> f64 { a }"), @"`Distance` can't be the name of a transform: use lower-case letters, digits and `_`, a letter first, at most 64 bytes");
    insta::assert_snapshot!(transform_errors("name = \"2x\"", "fn f(a: f64) -> f64 { a }"), @"`2x` can't be the name of a transform: use lower-case letters, digits and `_`, a letter first, at most 64 bytes");
    insta::assert_snapshot!(transform_errors("", "fn f(_: f64, (a, b): (f64, f64), _c: f64) -> f64 { a }"), @r##"
    give the input a name: `name: type`
    give the input a name: `name: type`
    `_c` can't be the name of an input: use lower-case letters, digits and `_`, a letter first, at most 64 bytes
    "##);
    insta::assert_snapshot!(transform_errors("outputs(a, a)", "fn f(a: f64) -> (f64, f64) { (a, a) }"), @"two outputs are named `a`");
    insta::assert_snapshot!(features_errors("struct S { headWind: f64 }"), @"`headWind` can't be the name of an output: use lower-case letters, digits and `_`, a letter first, at most 64 bytes");
}

#[test]
fn unknown_arguments_name_the_known_ones() {
    insta::assert_snapshot!(transform_errors("vectorised", "fn f(a: f64) -> f64 { a }"), @r##"unknown argument `vectorised`: there are `name = "…"`, `version = "…"`, `outputs(…)` and `columns`"##);
    insta::assert_snapshot!(transform_errors("columns, columns", "fn f(a: f64) -> f64 { a }"), @"`columns` is given twice");
    insta::assert_snapshot!(transform_errors("version = 1", "fn f(a: f64) -> f64 { a }"), @"expected string literal");
}

#[test]
fn types_of_rust_point_to_types_of_the_contract() {
    let row = |input: &str, output: &str| transform_errors("", &format!("fn f(a: {input}) -> {output} {{ todo!() }}"));
    let inputs = [
        "u32",
        "Option<u8>",
        "String",
        "&String",
        "Vec<f64>",
        "Vec<u8>",
        "&[Option<f64>]",
        "&i64",
        "&mut [u8]",
        "List<'_, usize>",
        "Option<List<'_, Option<f64>>>",
    ];
    insta::assert_snapshot!(inputs.map(|input| row(input, "f64")).concat(), @r##"
    `u32` can't be an input: write `i64`
    `u8` can't be an input: write `i32`
    `String` can't be an input: write `&str`
    `&String` can't be an input: write `&str`
    `Vec<f64>` can't be an input: write `List<'_, f64>`
    `Vec<u8>` can't be an input: write `&[u8]`
    `&[Option<f64>]` can't be an input: write `List<'_, f64>`
    `&i64` can't be an input: write `i64`
    an input can't be changed: take it without `mut`
    `usize` can't be an input: write `i64`
    `List<'_, Option<f64>>` can't be an input: write `List<'_, f64>`
    "##);
    let outputs = ["u64", "Option<i16>", "Result<Vec<u32>, String>", "(f64, List<'_, f64>)", "char"];
    insta::assert_snapshot!(outputs.map(|output| row("f64", output)).concat(), @r##"
    `u64` can't be an output: write `i64`
    `i16` can't be an output: write `i32`
    `u32` can't be an output: write `i64`
    `List<'_, f64>` can't be an output: write `Vec<f64>`
    `char` can't be an output: write `String`
    "##);
    insta::assert_snapshot!(row("Column<'_, f64>", "f64"), @"a whole column is the input of a `#[transform(columns)]`");
    insta::assert_snapshot!(features_errors("struct S { a: f64, b: Vec<u16> }"), @"`u16` can't be an output: write `i32`");
}

#[test]
fn whole_columns_come_in_and_go_out() {
    let columns =
        |input: &str, output: &str| transform_errors("columns", &format!("fn f(a: {input}) -> {output} {{ todo!() }}"));
    insta::assert_snapshot!(columns("Option<f64>", "Vec<f64>"), @"`Option<f64>` can't be an input of a `#[transform(columns)]`: write `Column<'_, Option<f64>>`");
    insta::assert_snapshot!(columns("Column<'_, f64>", "Result<(Vec<f64>, Option<f64>), String>"), @"`Option<f64>` can't be an output of a `#[transform(columns)]`: write `Vec<Option<f64>>`");
}

#[test]
fn allowed_functions_expand_without_errors() {
    assert_eq!(transform_errors("", "fn f<'a>(mut r#type: &'a str, b: Option<&[u8]>) -> Option<&'a str> { None }"), "");
    assert_eq!(transform_errors("columns, outputs(a)", "pub fn f(a: Column<'_, f64>) -> Vec<Vec<u8>> { vec![] }"), "");
    assert_eq!(features_errors("struct S<'a> { a: Option<&'a str>, b: Vec<Option<i64>>, c: Vec<u8> }"), "");
}

#[test]
fn features_are_named_fields_of_one_type_each() {
    insta::assert_snapshot!(features_errors("enum E { A }"), @"`Features` is for a struct with named fields, one for each output");
    insta::assert_snapshot!(features_errors("struct S(f64);"), @"`Features` is for a struct with named fields, one for each output");
    insta::assert_snapshot!(features_errors("struct S<T> { a: T }"), @"a struct of outputs can't be generic: each output has one type");
}
