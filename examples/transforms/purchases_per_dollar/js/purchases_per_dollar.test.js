import assert from "node:assert/strict";
import { test } from "node:test";

import purchasesPerDollar from "./purchases_per_dollar.js";

test("divides purchases by dollars", () => {
  assert.equal(purchasesPerDollar({ purchases: 10n, spend: 50 }), 0.2);
  assert.equal(purchasesPerDollar({ purchases: 0n, spend: 25 }), 0);
});

test("is null where there is no answer", () => {
  for (const inputs of [{ purchases: null, spend: 50 }, { purchases: 10n, spend: null }, { purchases: 10n, spend: 0 }])
    assert.equal(purchasesPerDollar(inputs), null);
});
