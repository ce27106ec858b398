import assert from "node:assert/strict";
import { test } from "node:test";

import { apply } from "skewless/testing";

import delayTrend from "./delay_trend.js";

const trends = (...lists) => apply(delayTrend, lists.map((recent_delays) => ({ recent_delays }))).rows;

test("each list has its own trend", () => {
  assert.deepEqual(trends([10, 20, 30], [5], [], null), [
    { mean: 20, slope: 10 },
    { mean: 5, slope: null },
    { mean: null, slope: null },
    { mean: null, slope: null },
  ]);
});

test("unknown delays are left out", () => {
  assert.deepEqual(trends([4, null, 0], [null]), [{ mean: 2, slope: -4 }, { mean: null, slope: null }]);
});
