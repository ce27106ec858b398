import assert from "node:assert/strict";
import { test } from "node:test";

import { RowError } from "skewless";

import cosineSimilarity from "./cosine_similarity.js";

const cosine = (query, item) => cosineSimilarity({ query, item });

test("right angles have none and the same direction has all", () => {
  assert.equal(cosine([1, 0], [0, 2]), 0);
  assert.equal(cosine([3, 4], [6, 8]), 1);
  assert.equal(cosine([0], [1]), null);
});

test("embeddings of different lengths fail", () => {
  assert.throws(() => cosine([1], [1, 2]), new RowError("the embeddings have 1 and 2 elements"));
});
