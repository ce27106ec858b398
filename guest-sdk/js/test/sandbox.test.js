import assert from "node:assert/strict";
import { test } from "node:test";

import { float64, transform } from "skewless";

const of = (compute) => () => transform({ name: "t", inputs: { x: float64 }, output: float64 }, compute)({ x: 1 });

test("the clock and chance are not there for a transform", () => {
  const clock = /the clock is not there for a transform: take the instant as an input of type timestamp/;
  assert.throws(of(() => Date.now()), clock);
  assert.throws(of(() => new Date().getTime()), clock);
  assert.throws(of(() => Number(Date())), clock);
  assert.throws(of(() => Math.random()), /Math\.random is not there for a transform/);
});

test("neither are timers, the network and the process", () => {
  for (const name of ["setTimeout", "fetch", "process", "Intl", "crypto"])
    assert.equal(of(() => Number(name in globalThis))(), 0, name);
});

test("dates of given instants are there, in UTC", () => {
  assert.equal(of(() => new Date(0).getHours())(), 0);
  assert.equal(of(() => Number(new Date("2013-01-31T17:05:00Z")))(), 1359651900000);
});

test("a test has all of it back, even after an error", () => {
  assert.throws(of(() => Math.random()));
  assert.equal(typeof Math.random(), "number");
  assert.ok(Date.now() > 0 && new Date() > 0 && typeof setTimeout === "function" && typeof process.version === "string");
});
