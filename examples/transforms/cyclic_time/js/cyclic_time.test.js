import assert from "node:assert/strict";
import { test } from "node:test";

import { Timestamp } from "skewless";

import cyclicTime from "./cyclic_time.js";

const at = (text) => cyclicTime({ time: Timestamp.parse(text) });

test("midnight on New Year 2013 is a Tuesday", () => {
  assert.deepEqual(at("2013-01-01T00:00:00Z"), { time_of_day_sin: 0, time_of_day_cos: 1, weekday: 1n });
});

test("the last microsecond of a day lies next to midnight", () => {
  const late = at("2013-01-06T23:59:59.999999Z");
  assert.equal(late.weekday, 6n);
  assert.ok(Math.abs(late.time_of_day_sin) < 1e-9 && late.time_of_day_cos > 1 - 1e-9);
});

test("days before 1970 count on", () => assert.equal(at("1969-12-31T12:00:00Z").weekday, 2n));
