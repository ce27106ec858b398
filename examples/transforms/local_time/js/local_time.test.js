import assert from "node:assert/strict";
import { test } from "node:test";

import { Timestamp } from "skewless";

import localTime from "./local_time.js";

const offset = (time) => localTime({ time: Timestamp.parse(time) }).offset_minutes;

test("clocks change to the microsecond", () => {
  assert.deepEqual([offset("2024-03-10T06:59:59.999999Z"), offset("2024-03-10T07:00:00Z")], [-300n, -240n]);
  assert.deepEqual([offset("2024-11-03T05:59:59.999999Z"), offset("2024-11-03T06:00:00Z")], [-240n, -300n]);
});

test("another rule held before 2007", () => {
  assert.throws(() => offset("2006-12-31T23:59:59Z"), /from 2007 on/);
});
