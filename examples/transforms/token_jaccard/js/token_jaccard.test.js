import assert from "node:assert/strict";
import { test } from "node:test";

import tokenJaccard from "./token_jaccard.js";

test("two of three words are shared", () => {
  assert.equal(tokenJaccard({ query: "red shoes", title: "Shoes: running, RED" }), 2 / 3);
});

test("nothing is shared by texts without words", () => {
  assert.equal(tokenJaccard({ query: "", title: "…" }), null);
});
