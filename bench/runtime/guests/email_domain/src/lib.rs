//! Domain of an e-mail address, as a function of a row, and with the feature `columns` as one of whole columns.

use skewless_sdk::transform;

/// What follows the last `@`; null where there is no `@`.
#[cfg(not(feature = "columns"))]
#[transform]
pub fn email_domain(
    /// E-mail address.
    email: &str,
) -> Option<&str> {
    functions::email_domain(email)
}

/// What follows the last `@`; null where there is no `@`.
#[cfg(feature = "columns")]
#[transform(columns)]
pub fn email_domain<'a>(
    /// E-mail address.
    email: skewless_sdk::Column<'a, &'a str>,
) -> Vec<Option<&'a str>> {
    email.iter().map(functions::email_domain).collect()
}
