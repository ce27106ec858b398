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
