import assert from "node:assert/strict";
import { test } from "node:test";

import runwayWind from "./runway_wind.js";

const wind = (wind_direction, wind_speed, runway_heading) => runwayWind({ wind_direction, wind_speed, runway_heading });

test("wind along the runway is all headwind", () => {
  assert.deepEqual(wind(220, 15, 220), { headwind: 15, crosswind: 0 });
});

test("wind from behind is a negative headwind", () => {
  const { headwind, crosswind } = wind(40, 15, 220);
  assert.equal(headwind, -15);
  assert.ok(Math.abs(crosswind) < 1e-12);
});

test("wind from the right is a positive crosswind", () => {
  const { headwind, crosswind } = wind(310, 10, 220);
  assert.equal(crosswind, 10);
  assert.ok(Math.abs(headwind) < 1e-12);
});
