import assert from "node:assert/strict";
import { test } from "node:test";

import normaliseText from "./normalise_text.js";

test("composed and decomposed are one", () => {
  assert.equal(normaliseText({ text: "Cafe\u0301" }), normaliseText({ text: "caf\u00e9" }));
});

test("white space is one space between words", () => {
  assert.equal(normaliseText({ text: "\t a\u00a0\n b " }), "a b");
});
