import assert from "node:assert/strict";
import { test } from "node:test";

import haversineDistance from "./haversine_distance.js";

const distance = (origin_latitude, origin_longitude, destination_latitude, destination_longitude) =>
  haversineDistance({ origin_latitude, origin_longitude, destination_latitude, destination_longitude });

test("New York to Los Angeles is about 3,975 km", () => {
  assert.ok(Math.abs(distance(40.639751, -73.778925, 33.942536, -118.408075) - 3974) < 2);
});

test("a point is at no distance from itself", () => {
  assert.equal(distance(40.639751, -73.778925, 40.639751, -73.778925), 0);
});

test("pole to pole is half the circumference", () => {
  assert.ok(Math.abs(distance(90, 0, -90, 0) - Math.PI * 6371.0088) < 1e-9);
});
