//! Types that authors write first and the contract does not have, each with the one to write instead.
//!
//! Only the spelling is looked at, so this is a courtesy: what passes, the compiler judges by the traits.

use quote::ToTokens as _;
use syn::{GenericArgument, PathArguments, PathSegment, Type, TypeReference};

/// The mistake in the type of a parameter.
pub(crate) fn in_input(data_type: &Type, columns: bool) -> Option<syn::Error> {
    let is_column = last_segment(data_type).is_some_and(|segment| segment.ident == "Column");
    match (columns, is_column) {
        (true, false) if names_a_value(data_type) => Some(instead(
            data_type,
            "an input of a `#[transform(columns)]`",
            &format!("Column<'_, {}>", text(data_type)),
        )),
        (false, true) => {
            let message = "a whole column is the input of a `#[transform(columns)]`";
            Some(syn::Error::new_spanned(data_type, message))
        }
        _ => input_value(data_type),
    }
}

/// The mistake in the type that is returned.
pub(crate) fn in_output(data_type: &Type, columns: bool) -> Option<syn::Error> {
    if let Type::Tuple(tuple) = data_type {
        return tuple.elems.iter().find_map(|element| in_output(element, columns));
    }
    match last_segment(data_type) {
        Some(segment) if segment.ident == "Result" => in_output(argument(segment)?, columns),
        _ if columns && names_a_value(data_type) => {
            Some(instead(data_type, "an output of a `#[transform(columns)]`", &format!("Vec<{}>", text(data_type))))
        }
        _ => in_feature(data_type),
    }
}

/// The mistake in the type of one output.
pub(crate) fn in_feature(data_type: &Type) -> Option<syn::Error> {
    let segment = last_segment(data_type)?;
    match segment.ident.to_string().as_str() {
        "Option" => in_output(argument(segment)?, false),
        "Vec" => argument(segment).filter(|element| text(element) != "u8").and_then(in_feature),
        "char" => Some(instead(data_type, "an output", "String")),
        "List" => Some(instead(data_type, "an output", &format!("Vec<{}>", text(argument(segment)?)))),
        name => integer(name).map(|name| instead(data_type, "an output", name)),
    }
}

fn input_value(data_type: &Type) -> Option<syn::Error> {
    let instead = |better: &str| Some(instead(data_type, "an input", better));
    match data_type {
        Type::Reference(TypeReference { mutability: Some(_), .. }) => {
            Some(syn::Error::new_spanned(data_type, "an input can't be changed: take it without `mut`"))
        }
        Type::Reference(reference) => match reference.elem.as_ref() {
            Type::Slice(slice) if text(&slice.elem) != "u8" => instead(&list_of(&slice.elem)),
            Type::Path(_) if text(&reference.elem) == "String" => instead("&str"),
            Type::Path(_) if text(&reference.elem) != "str" => instead(&text(&reference.elem)),
            _ => None,
        },
        _ => {
            let segment = last_segment(data_type)?;
            match segment.ident.to_string().as_str() {
                "List" if is_option(argument(segment)?) => instead(&list_of(argument(segment)?)),
                "Option" | "List" | "Column" => input_value(argument(segment)?),
                "Vec" if text(argument(segment)?) == "u8" => instead("&[u8]"),
                "Vec" => instead(&list_of(argument(segment)?)),
                "String" | "char" => instead("&str"),
                name => integer(name).and_then(instead),
            }
        }
    }
}

/// The contract's integer that holds the values of another one, or most of them.
fn integer(name: &str) -> Option<&'static str> {
    match name {
        "u8" | "i8" | "u16" | "i16" => Some("i32"),
        "u32" | "u64" | "u128" | "usize" | "i128" | "isize" => Some("i64"),
        _ => None,
    }
}

/// The list of such elements; each may be null without more ado.
fn list_of(element: &Type) -> String {
    let present = last_segment(element).filter(|_| is_option(element)).and_then(argument).unwrap_or(element);
    format!("List<'_, {}>", text(present))
}

fn is_option(data_type: &Type) -> bool {
    last_segment(data_type).is_some_and(|segment| segment.ident == "Option")
}

fn names_a_value(data_type: &Type) -> bool {
    let known = ["bool", "i32", "i64", "f32", "f64", "String", "Timestamp", "List", "Option"];
    matches!(data_type, Type::Reference(_))
        || last_segment(data_type).is_some_and(|segment| known.iter().any(|name| segment.ident == name))
}

fn instead(data_type: &Type, role: &str, better: &str) -> syn::Error {
    syn::Error::new_spanned(data_type, format!("`{}` can't be {role}: write `{better}`", text(data_type)))
}

fn last_segment(data_type: &Type) -> Option<&PathSegment> {
    match data_type {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// The first type between the angle brackets.
fn argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(data_type) => Some(data_type),
        _ => None,
    })
}

/// A type as people write it, without the spaces between tokens.
fn text(data_type: &Type) -> String {
    data_type.to_token_stream().to_string().replace(' ', "").replace(',', ", ")
}
