//! `#[transform]`: from a function to its glue.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{FnArg, GenericParam, ItemFn, Pat, ReturnType, Type};

use crate::arguments::Arguments;
use crate::name::Name;
use crate::{documentation, mistake};

/// The function, and its glue or the errors that its author sees.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut function = match syn::parse2::<ItemFn>(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = syn::Error::new(error.span(), format!("`#[transform]` is for a function: {error}"));
            return [item, error.into_compile_error()].into_iter().collect();
        }
    };
    let glue = match Transform::read(arguments, &function) {
        Ok(transform) => transform.glue(),
        Err(error) => error.into_compile_error(),
    };
    undocument_parameters(&mut function);
    quote! {
        #[allow(clippy::too_many_arguments, reason = "a transform takes as many inputs as it needs")]
        #function
        #glue
    }
}

/// Rust allows no documentation on parameters, except for an attribute to read and remove.
fn undocument_parameters(function: &mut ItemFn) {
    for parameter in &mut function.sig.inputs {
        if let FnArg::Typed(parameter) = parameter {
            parameter.attrs.retain(|attribute| !documentation::is_documentation(attribute));
        }
    }
}

/// All that the glue is written from.
struct Transform<'a> {
    function: &'a ItemFn,
    name: Name,
    documentation: String,
    arguments: Arguments,
    inputs: Vec<Input>,
    returned: TokenStream,
}

/// A parameter of the function.
struct Input {
    name: Name,
    documentation: String,
    data_type: TokenStream,
}

impl<'a> Transform<'a> {
    fn read(arguments: TokenStream, function: &'a ItemFn) -> syn::Result<Self> {
        let mut arguments = Arguments::parse(arguments)?;
        check_signature(function)?;
        let name = arguments.name.take().map_or_else(|| Name::of("a transform", &function.sig.ident), Ok)?;
        let inputs = all(function.sig.inputs.iter().map(|parameter| input(parameter, function, arguments.columns)))?;
        let returned = returned(function, arguments.columns)?;
        let documentation = documentation::of(&function.attrs);
        Ok(Self { function, name, documentation, arguments, inputs, returned })
    }

    /// A type with the function's name, which is the transform, and for WebAssembly its exports.
    fn glue(&self) -> TokenStream {
        let (visibility, ident) = (&self.function.vis, &self.function.sig.ident);
        let documentation = format!("The transform that the function [`{ident}`](fn@{ident}) computes.");
        let (signature, apply, names) = (self.signature(), self.apply(), self.check_names());
        quote! {
            #[doc = #documentation]
            #[expect(non_camel_case_types, reason = "named like the function")]
            #visibility enum #ident {}

            impl ::skewless_sdk::Transform for #ident {
                fn signature() -> ::skewless_sdk::contract::Signature {
                    #signature
                }

                fn apply(
                    rows: usize,
                    columns: &[::skewless_sdk::contract::Column],
                ) -> ::std::result::Result<::skewless_sdk::contract::Output, ::std::string::String> {
                    #apply
                }
            }

            const _: () = {
                #names
                // Without a host that calls it, nothing else would use the function.
                let _ = <#ident as ::skewless_sdk::Transform>::apply;
            };

            #[cfg(target_family = "wasm")]
            ::skewless_sdk::guest::bindings::export!(#ident with_types_in ::skewless_sdk::guest::bindings);
        }
    }

    fn signature(&self) -> TokenStream {
        let (name, documentation) = (&self.name.text, &self.documentation);
        let version = match &self.arguments.version {
            Some(version) => version.to_token_stream(),
            None => quote!(::core::env!("CARGO_PKG_VERSION")),
        };
        let (form, outputs, names) = (self.form(), self.outputs(), self.output_names());
        let inputs = self.inputs.iter().map(|Input { name, documentation, data_type }| {
            let name = &name.text;
            quote_spanned!(data_type.span()=> ::skewless_sdk::glue::input::<#data_type, #form>(#name, #documentation))
        });
        quote! {
            ::skewless_sdk::contract::Signature {
                name: #name.into(),
                version: #version.into(),
                documentation: #documentation.into(),
                inputs: ::std::vec![#(#inputs),*],
                outputs: #outputs::fields(&[#(#names),*], false),
            }
        }
    }

    /// Opens the columns, then calls the function with their rows or with themselves.
    fn apply(&self) -> TokenStream {
        let (function, form) = (&self.function.sig.ident, self.form());
        let columns: Vec<Ident> = (0..self.inputs.len()).map(|index| format_ident!("input{index}")).collect();
        let open = self.inputs.iter().zip(&columns).map(|(Input { name, data_type, .. }, column)| {
            let name = &name.text;
            quote_spanned!(data_type.span()=> let #column = inputs.next::<#data_type, #form>(#name)?;)
        });
        let returned = &self.returned;
        let call = if self.arguments.columns {
            quote_spanned! {returned.span()=>
                ::skewless_sdk::glue::whole_batch::<#returned>(rows, || #function(#(#columns),*))
            }
        } else {
            quote_spanned! {returned.span()=>
                ::skewless_sdk::glue::each_row::<#returned>(rows, |row| #function(#(#columns.get(row)),*))
            }
        };
        let inputs =
            (!columns.is_empty()).then(|| quote!(let mut inputs = ::skewless_sdk::glue::Inputs::new(rows, columns);));
        quote! {
            #inputs
            #(#open)*
            #call
        }
    }

    fn check_names(&self) -> TokenStream {
        let (outputs, given) = (self.outputs(), self.arguments.outputs.len());
        quote_spanned! {self.returned.span()=>
            ::skewless_sdk::glue::check_names(#outputs::COUNT, #outputs::NAMES_ITSELF, #given);
        }
    }

    /// The names in the attribute; without them, a single output is the transform itself.
    fn output_names(&self) -> Vec<TokenStream> {
        let summary = documentation::summary(&self.documentation);
        match self.arguments.outputs.as_slice() {
            [] => {
                let name = &self.name.text;
                vec![quote!((#name, #summary))]
            }
            [(Name { text, .. }, documentation)] if documentation.is_empty() => vec![quote!((#text, #summary))],
            named => named.iter().map(|(Name { text, .. }, documentation)| quote!((#text, #documentation))).collect(),
        }
    }

    fn outputs(&self) -> TokenStream {
        let (returned, form) = (&self.returned, self.form());
        quote_spanned!(returned.span()=> <#returned as ::skewless_sdk::glue::Outputs<#form>>)
    }

    fn form(&self) -> TokenStream {
        if self.arguments.columns { quote!(::skewless_sdk::glue::Columns) } else { quote!(::skewless_sdk::glue::Rows) }
    }
}

/// What is allowed in front of, and behind, the name of the function.
fn check_signature(function: &ItemFn) -> syn::Result<()> {
    let signature = &function.sig;
    let refused = |tokens: &dyn quote::ToTokens, message: &str| Err(syn::Error::new_spanned(tokens, message));
    if let Some(keyword) = &signature.asyncness {
        return refused(keyword, "a transform can't be async: there is nothing it could wait for");
    }
    if let Some(keyword) = &signature.unsafety {
        return refused(keyword, "a transform can't be unsafe: the host calls it with any values of its types");
    }
    if let Some(abi) = &signature.abi {
        return refused(abi, "a transform is a plain Rust function: leave the ABI out");
    }
    if let Some(generic) =
        signature.generics.params.iter().find(|generic| !matches!(generic, GenericParam::Lifetime(_)))
    {
        return refused(generic, "a transform can't be generic: each input and output has one type");
    }
    if let Some(variadic) = &signature.variadic {
        return refused(variadic, "a transform takes a fixed number of inputs");
    }
    Ok(())
}

fn input(parameter: &FnArg, function: &ItemFn, columns: bool) -> syn::Result<Input> {
    let typed = match parameter {
        FnArg::Typed(typed) => typed,
        FnArg::Receiver(receiver) => {
            return Err(syn::Error::new_spanned(receiver, "a transform can't take `self`: make it a plain function"));
        }
    };
    let Pat::Ident(pattern) = typed.pat.as_ref() else {
        return Err(syn::Error::new_spanned(&typed.pat, "give the input a name: `name: type`"));
    };
    if let Some(mistake) = mistake::in_input(&typed.ty, columns) {
        return Err(mistake);
    }
    Ok(Input {
        name: Name::of("an input", &pattern.ident)?,
        documentation: documentation::of(&typed.attrs),
        data_type: without_lifetimes(&typed.ty, function),
    })
}

fn returned(function: &ItemFn, columns: bool) -> syn::Result<TokenStream> {
    let missing = "a transform returns its outputs: add `-> f64`, or another type of value";
    match &function.sig.output {
        ReturnType::Default => Err(syn::Error::new_spanned(&function.sig.ident, missing)),
        ReturnType::Type(_, returned) => match returned.as_ref() {
            Type::Tuple(tuple) if tuple.elems.is_empty() => Err(syn::Error::new_spanned(tuple, missing)),
            Type::ImplTrait(opaque) => {
                Err(syn::Error::new_spanned(opaque, "a transform returns values of a named type, such as `f64`"))
            }
            _ => mistake::in_output(returned, columns).map_or_else(|| Ok(without_lifetimes(returned, function)), Err),
        },
    }
}

/// The type with the function's own lifetimes left to inference, since it is written again outside the function.
fn without_lifetimes(data_type: &Type, function: &ItemFn) -> TokenStream {
    let declared: Vec<Ident> =
        function.sig.generics.lifetimes().map(|lifetime| lifetime.lifetime.ident.clone()).collect();
    anonymous(data_type.to_token_stream(), &declared)
}

fn anonymous(tokens: TokenStream, declared: &[Ident]) -> TokenStream {
    let mut after_quote = false;
    let replace = |token: TokenTree| {
        let is_lifetime =
            std::mem::replace(&mut after_quote, matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\''));
        match token {
            TokenTree::Ident(ident) if is_lifetime && declared.contains(&ident) => Ident::new("_", ident.span()).into(),
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), anonymous(group.stream(), declared));
                inner.set_span(group.span());
                inner.into()
            }
            token => token,
        }
    };
    tokens.into_iter().map(replace).collect()
}

/// All results, or all their errors as one.
fn all<T>(results: impl Iterator<Item = syn::Result<T>>) -> syn::Result<Vec<T>> {
    let mut values = Vec::new();
    let mut errors: Option<syn::Error> = None;
    for result in results {
        match (result, &mut errors) {
            (Ok(value), _) => values.push(value),
            (Err(error), Some(errors)) => errors.combine(error),
            (Err(error), None) => errors = Some(error),
        }
    }
    errors.map_or(Ok(values), Err)
}

#[cfg(test)]
mod tests;
