//! Domain of an e-mail address: strings, and two outputs that are null together.

use skewless_sdk::{Features, transform};

/// Providers whose addresses say nothing about an employer.
const FREE_MAIL: [&str; 8] =
    ["aol.com", "gmail.com", "gmx.de", "hotmail.com", "icloud.com", "outlook.com", "proton.me", "yahoo.com"];

/// What an address says about who wrote it.
#[derive(Debug, PartialEq, Features)]
pub struct EmailDomain {
    /// What follows the last `@`, with A to Z in lower case.
    pub domain: String,
    /// Whether the domain is a free provider's.
    pub is_free_mail: bool,
}

/// Domain of an e-mail address, and whether it is a free provider's; null where there is no domain.
#[transform]
pub fn email_domain(
    /// The address.
    email: &str,
) -> Option<EmailDomain> {
    let (_, domain) = email.rsplit_once('@').filter(|(_, domain)| !domain.is_empty())?;
    let domain = domain.to_ascii_lowercase();
    let is_free_mail = FREE_MAIL.contains(&domain.as_str());
    Some(EmailDomain { domain, is_free_mail })
}

#[cfg(test)]
mod tests {
    use super::{EmailDomain, email_domain};

    #[test]
    fn what_follows_the_last_at_is_the_domain() {
        let expected = EmailDomain { domain: "gmail.com".to_owned(), is_free_mail: true };
        assert_eq!(email_domain("\"a@b\"@GMail.com"), Some(expected));
    }

    #[test]
    fn an_address_without_a_domain_has_none() {
        assert_eq!(email_domain("nobody"), None);
        assert_eq!(email_domain("nobody@"), None);
    }
}
