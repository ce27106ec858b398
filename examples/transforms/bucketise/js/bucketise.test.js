import assert from "node:assert/strict";
import { test } from "node:test";

import bucketise from "./bucketise.js";

test("a boundary belongs to the bucket above", () => {
  const buckets = [-0.01, 0, 9.99, 10, 500, NaN].map((amount) => bucketise({ amount }).amount_bucket);
  assert.deepEqual(buckets, [0n, 1n, 1n, 2n, 5n, null]);
});
