//! `${VAR}` and `${VAR:-default}` in the texts of a definition file.
//!
//! The tree is filled after parsing: a value that holds a colon, a quote or a line break stays one value. `$${` writes
//! a plain `${`.

use super::yaml::{Node, Problem, Scalar, Value};

/// Looks a variable up.
pub(crate) type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Fills every text below `node`; keys stay as they are.
pub(crate) fn fill(node: &mut Node, environment: &Environment<'_>) -> Result<(), Problem> {
    match &mut node.value {
        Value::Scalar(Scalar::Text, text) if text.contains("${") => {
            *text = filled(text, environment).map_err(|message| Problem::new(message, Some(node.place)))?;
            Ok(())
        }
        Value::Null | Value::Scalar(..) => Ok(()),
        Value::List(items) => items.iter_mut().try_for_each(|item| fill(item, environment)),
        Value::Map(entries) => entries.iter_mut().try_for_each(|(_, value)| fill(value, environment)),
    }
}

fn filled(text: &str, environment: &Environment<'_>) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, from_start) = rest.split_at(start);
        if let Some(unescaped) = before.strip_suffix('$') {
            filled.push_str(unescaped);
            filled.push_str("${");
            rest = &from_start[2..];
            continue;
        }
        let Some((reference, after)) = from_start[2..].split_once('}') else {
            return Err(format!("`{from_start}` lacks its `}}`: write `$${{` where a plain `${{` is meant"));
        };
        filled.push_str(before);
        filled.push_str(&value(reference, environment)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// The value of what stands between the braces. As in a shell, a default also replaces an empty value.
fn value(reference: &str, environment: &Environment<'_>) -> Result<String, String> {
    let (variable, default) = match reference.split_once(":-") {
        Some((variable, default)) => (variable, Some(default)),
        None => (reference, None),
    };
    let starts_well = variable.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if !starts_well || !variable.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(format!("`${{{reference}}}` names no variable: write `${{VAR}}` or `${{VAR:-default}}`"));
    }
    match (environment(variable), default) {
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(format!(
            "the environment variable `{variable}` is not set: set it, or give it a default, `${{{variable}:-…}}`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill_text(text: &str) -> Result<String, String> {
        filled(text, &|name| match name {
            "HOME" => Some("/home/x".into()),
            "EMPTY" => Some(String::new()),
            "TRICKY" => Some("a: ${HOME}\n- \"b".into()),
            _ => None,
        })
    }

    #[test]
    fn fills_variables_and_defaults() {
        let cases = [
            ("plain", "plain"),
            ("${HOME}/data", "/home/x/data"),
            ("a${HOME}b${HOME}c", "a/home/xb/home/xc"),
            ("${UNSET:-x}", "x"),
            ("${UNSET:-}", ""),
            ("${EMPTY:-x}", "x"),
            ("${EMPTY}", ""),
            ("${HOME:-x}", "/home/x"),
            ("${UNSET:-s3://bucket/$dir}", "s3://bucket/$dir"),
            ("$${HOME}", "${HOME}"),
            ("$$${HOME}", "$${HOME}"),
            ("$HOME costs $5", "$HOME costs $5"),
        ];
        for (text, expected) in cases {
            assert_eq!(fill_text(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_value_is_not_read_again() {
        assert_eq!(fill_text("${TRICKY}").unwrap(), "a: ${HOME}\n- \"b");
    }

    #[test]
    fn says_what_is_wrong_with_a_reference() {
        insta::assert_snapshot!(fill_text("x${UNSET}").unwrap_err(), @"the environment variable `UNSET` is not set: set it, or give it a default, `${UNSET:-…}`");
        insta::assert_snapshot!(fill_text("x${HOME").unwrap_err(), @"`${HOME` lacks its `}`: write `$${` where a plain `${` is meant");
        insta::assert_snapshot!(fill_text("${1HOME}").unwrap_err(), @"`${1HOME}` names no variable: write `${VAR}` or `${VAR:-default}`");
        insta::assert_snapshot!(fill_text("${}").unwrap_err(), @"`${}` names no variable: write `${VAR}` or `${VAR:-default}`");
    }
}
