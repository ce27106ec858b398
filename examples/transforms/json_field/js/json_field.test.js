import assert from "node:assert/strict";
import { test } from "node:test";

import jsonField from "./json_field.js";

test("fields are found by their path", () => {
  const document = '{"user": {"age": 30, "address": {"country": "NZ"}}}';
  assert.deepEqual(jsonField({ document }), { country: "NZ", age: 30n });
});

test("what is no JSON has no fields", () => {
  assert.deepEqual(jsonField({ document: '{"user":' }), { country: null, age: null });
});

test("a document that nests thousands deep has no fields", () => {
  const document = `{"user": {"age": 30}, "x": ${"[".repeat(9000)}${"]".repeat(9000)}}`;
  assert.deepEqual(jsonField({ document }), { country: null, age: null });
});

test("a half of a surrogate pair is no text", () => {
  for (const half of ["\\ud83d", "\\ude00", "\\ude00\\ud83d", "\\ud83d\\n"]) {
    const document = `{"user": {"address": {"country": "${half}"}}}`;
    assert.deepEqual(jsonField({ document }), { country: null, age: null }, half);
  }
});
