//! `#[derive(Features)]`: a struct of outputs.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Data, DeriveInput, Field, Fields, GenericParam, Ident, Index, Type, parse_quote};

use crate::name::Name;
use crate::{documentation, mistake};

/// The glue of a struct, or the error that its author sees.
pub(crate) fn expand(item: TokenStream) -> TokenStream {
    syn::parse2::<DeriveInput>(item)
        .and_then(|item| Ok(implementation(&item, &outputs(&item)?)))
        .unwrap_or_else(|error| error.into_compile_error())
}

/// A field of the struct.
struct Output<'a> {
    name: Name,
    documentation: String,
    ident: &'a Ident,
    data_type: &'a Type,
}

fn outputs(item: &DeriveInput) -> syn::Result<Vec<Output<'_>>> {
    let refused =
        |span: Span| syn::Error::new(span, "`Features` is for a struct with named fields, one for each output");
    let Data::Struct(data) = &item.data else { return Err(refused(item.ident.span())) };
    let Fields::Named(fields) = &data.fields else { return Err(refused(item.ident.span())) };
    if fields.named.is_empty() {
        return Err(refused(item.ident.span()));
    }
    if let Some(generic) = item.generics.params.iter().find(|generic| !matches!(generic, GenericParam::Lifetime(_))) {
        return Err(syn::Error::new(generic.span(), "a struct of outputs can't be generic: each output has one type"));
    }
    fields
        .named
        .iter()
        .filter_map(|field| Some((field, field.ident.as_ref()?)))
        .map(|(field, ident)| output(field, ident))
        .collect()
}

fn output<'a>(field: &'a Field, ident: &'a Ident) -> syn::Result<Output<'a>> {
    if let Some(mistake) = mistake::in_feature(&field.ty) {
        return Err(mistake);
    }
    let (name, documentation) = (Name::of("an output", ident)?, documentation::of(&field.attrs));
    Ok(Output { name, documentation, ident, data_type: &field.ty })
}

/// The implementation for both forms at once: which of them the types of the fields allow, the bounds say.
fn implementation(item: &DeriveInput, outputs: &[Output<'_>]) -> TokenStream {
    let glue = quote!(::skewless_sdk::glue);
    let (ident, count) = (&item.ident, outputs.len());
    let feature = |output: &Output<'_>| {
        let data_type = output.data_type;
        quote_spanned!(data_type.span()=> <#data_type as #glue::Feature<__Form>>)
    };
    let features: Vec<_> = outputs.iter().map(feature).collect();
    let bounds = outputs
        .iter()
        .map(|Output { data_type, .. }| quote_spanned!(data_type.span()=> #data_type: #glue::Feature<__Form>));
    let fields: Vec<_> = outputs.iter().map(|output| output.ident).collect();
    let types = outputs.iter().map(|output| output.data_type);
    let indices: Vec<_> = (0..count).map(Index::from).collect();
    let names = outputs.iter().map(|output| &output.name.text);
    let documentation = outputs.iter().map(|output| &output.documentation);

    let (_, generics, _) = item.generics.split_for_impl();
    let mut extended = item.generics.clone();
    extended.params.push(parse_quote!(__Form));
    let (implementation, _, _) = extended.split_for_impl();

    quote! {
        impl #implementation #glue::Outputs<__Form> for #ident #generics
        where
            #(#bounds,)*
        {
            const COUNT: usize = #count;
            const NAMES_ITSELF: bool = true;
            type Builders = (#(#glue::Builder<#features::Value>,)*);

            fn fields(_names: &[#glue::Named], nullable: bool) -> ::std::vec::Vec<::skewless_sdk::contract::Field> {
                ::std::vec![#(#glue::output::<#types, __Form>((#names, #documentation), nullable)),*]
            }

            #[inline]
            fn builders(rows: usize) -> Self::Builders {
                (#(#glue::Builder::<#features::Value>::new(rows),)*)
            }

            #[inline]
            fn write(self, builders: &mut Self::Builders, row: usize) -> ::std::result::Result<(), ::std::string::String> {
                #(#features::write(self.#fields, &mut builders.#indices, row)?;)*
                ::std::result::Result::Ok(())
            }

            #[inline]
            fn write_null(builders: &mut Self::Builders, row: usize) {
                #(builders.#indices.put_null(row);)*
            }

            fn finish(builders: Self::Builders) -> ::std::vec::Vec<::skewless_sdk::contract::Column> {
                ::std::vec![#(builders.#indices.finish()),*]
            }
        }
    }
}
