import assert from "node:assert/strict";
import { test } from "node:test";

import { Timestamp } from "skewless";

import minutesSince from "./minutes_since.js";

const [early, late] = ["2013-01-01T05:00:00Z", "2013-01-01T06:00:30Z"].map(Timestamp.parse);

test("counts parts of a minute", () => {
  assert.equal(minutesSince({ since: early, time: late }), 60.5);
  assert.equal(minutesSince({ since: late, time: early }), -60.5);
});

test("is null where nothing happened yet", () => assert.equal(minutesSince({ since: null, time: late }), null));
