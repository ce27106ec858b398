import assert from "node:assert/strict";
import { test } from "node:test";

import featureHash, { FNV_START, fnv1a } from "./feature_hash.js";

test("hashes are those of the published test vectors", () => {
  const hashes = ["", "a", "foobar"].map((text) => fnv1a(FNV_START, new TextEncoder().encode(text)));
  assert.deepEqual(hashes, [0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
});

test("a cross knows where one value ends", () => {
  const cross = (category, device) => featureHash({ category, device }).category_device_bucket;
  assert.notEqual(cross("ab", "c"), cross("a", "bc"));
});
