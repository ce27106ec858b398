import assert from "node:assert/strict";
import { test } from "node:test";

import geohash from "./geohash.js";

test("a point has a cell, and a coarser one", () => {
  assert.deepEqual(geohash({ latitude: 57.64911, longitude: 10.40744 }), { geohash: "u4pruydqq", neighbourhood: "u4pru" });
});

test("a point that is nowhere fails", () => {
  for (const [latitude, longitude] of [[90.1, 0], [0, -180.1], [NaN, 0]])
    assert.throws(() => geohash({ latitude, longitude }), /not on the earth/);
});
