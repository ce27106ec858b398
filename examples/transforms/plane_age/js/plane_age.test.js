import assert from "node:assert/strict";
import { test } from "node:test";

import { RowError, Timestamp } from "skewless";

import planeAge from "./plane_age.js";

test("counts calendar years", () => {
  const time = Timestamp.parse("2013-12-31T23:59:59Z");
  assert.equal(planeAge({ manufactured_year: 1999n, time }), 14n);
  assert.equal(planeAge({ manufactured_year: 2013n, time }), 0n);
  assert.equal(planeAge({ manufactured_year: null, time }), null);
});

test("a plane from the future fails", () => {
  const time = Timestamp.parse("2013-01-01T05:00:00Z");
  const reason = new RowError("the plane was built in 2014, after 2013-01-01T05:00:00Z");
  assert.throws(() => planeAge({ manufactured_year: 2014n, time }), reason);
});
