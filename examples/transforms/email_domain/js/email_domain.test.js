import assert from "node:assert/strict";
import { test } from "node:test";

import emailDomain from "./email_domain.js";

test("what follows the last @ is the domain", () => {
  assert.deepEqual(emailDomain({ email: '"a@b"@GMail.com' }), { domain: "gmail.com", is_free_mail: true });
});

test("an address without a domain has none", () => {
  assert.equal(emailDomain({ email: "nobody" }), null);
  assert.equal(emailDomain({ email: "nobody@" }), null);
});
