// Strings, and two outputs that are null together.

import { bool, nullable, string, transform } from "skewless";

/** Providers whose addresses say nothing about an employer. */
const FREE_MAIL = new Set([
  "aol.com", "gmail.com", "gmx.de", "hotmail.com", "icloud.com", "outlook.com", "proton.me", "yahoo.com",
]);

export default transform({
  name: "email_domain",
  documentation: "Domain of an e-mail address, and whether it is a free provider's; null where there is no domain.",
  inputs: { email: string("The address.") },
  outputs: {
    domain: nullable(string("What follows the last `@`, with A to Z in lower case.")),
    is_free_mail: nullable(bool("Whether the domain is a free provider's.")),
  },
}, ({ email }) => {
  const at = email.lastIndexOf("@");
  if (at < 0 || at === email.length - 1) return null;
  const domain = email.slice(at + 1).replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  return { domain, is_free_mail: FREE_MAIL.has(domain) };
});
