//! What stands in the parentheses of `#[transform(…)]`.

use proc_macro2::TokenStream;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, LitStr, Token, parenthesized};

use crate::documentation;
use crate::name::Name;

/// The attribute's arguments.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) name: Option<Name>,
    pub(crate) version: Option<LitStr>,
    /// names and documentation of the outputs
    pub(crate) outputs: Vec<(Name, String)>,
    /// whether the function takes whole columns
    pub(crate) columns: bool,
}

impl Arguments {
    /// Reads the arguments; each at most once.
    pub(crate) fn parse(tokens: TokenStream) -> syn::Result<Self> {
        let list = Punctuated::<Argument, Token![,]>::parse_terminated.parse2(tokens)?;
        let mut arguments = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for Argument { key, value } in list {
            if seen.contains(&key.to_string()) {
                return Err(syn::Error::new(key.span(), format!("`{key}` is given twice")));
            }
            seen.push(key.to_string());
            match value {
                Value::Name(name) => arguments.name = Some(name),
                Value::Version(version) => arguments.version = Some(version),
                Value::Outputs(outputs) => arguments.outputs = outputs,
                Value::Columns => arguments.columns = true,
            }
        }
        Ok(arguments)
    }
}

struct Argument {
    key: Ident,
    value: Value,
}

enum Value {
    Name(Name),
    Version(LitStr),
    Outputs(Vec<(Name, String)>),
    Columns,
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key: Ident = input.parse()?;
        let value = match key.to_string().as_str() {
            "name" => {
                let name = text(input)?;
                Value::Name(Name::new("a transform", name.value(), name.span())?)
            }
            "version" => Value::Version(text(input)?),
            "outputs" => Value::Outputs(outputs(input)?),
            "columns" => Value::Columns,
            _ => {
                let known = "`name = \"…\"`, `version = \"…\"`, `outputs(…)` and `columns`";
                return Err(syn::Error::new(key.span(), format!("unknown argument `{key}`: there are {known}")));
            }
        };
        Ok(Self { key, value })
    }
}

fn text(input: ParseStream<'_>) -> syn::Result<LitStr> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn outputs(input: ParseStream<'_>) -> syn::Result<Vec<(Name, String)>> {
    let content;
    parenthesized!(content in input);
    let mut outputs: Vec<(Name, String)> = Vec::new();
    for (name, documentation) in Punctuated::<_, Token![,]>::parse_terminated_with(&content, output)? {
        if outputs.iter().any(|(other, _)| other.text == name.text) {
            return Err(syn::Error::new(name.span, format!("two outputs are named `{}`", name.text)));
        }
        outputs.push((name, documentation));
    }
    Ok(outputs)
}

fn output(input: ParseStream<'_>) -> syn::Result<(Name, String)> {
    let documentation = documentation::of(&Attribute::parse_outer(input)?);
    Ok((Name::of("an output", &input.parse()?)?, documentation))
}
