import assert from "node:assert/strict";
import { test } from "node:test";

import { Timestamp } from "skewless";

test("the calendar agrees with Date", () => {
  for (let days = -800_000n; days < 800_000n; days += 97n) {
    const instant = days * 86_400_000_000n + 3_723_000_001n;
    const date = new Date(Number(days) * 86_400_000 + 3_723_000);
    assert.equal(Timestamp.year(instant), BigInt(date.getUTCFullYear()));
    assert.equal(Timestamp.month(instant), BigInt(date.getUTCMonth() + 1));
    assert.equal(Timestamp.day(instant), BigInt(date.getUTCDate()));
    assert.equal(Timestamp.weekday(instant), BigInt((date.getUTCDay() + 6) % 7));
    assert.equal(Timestamp.microsOfDay(instant), 3_723_000_001n);
  }
});

test("an instant is read and written", () => {
  for (const text of ["2013-01-31T17:05:00Z", "1969-12-31T23:59:59.999999Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.500000Z"])
    assert.equal(Timestamp.format(Timestamp.parse(text)), text);
  assert.equal(Timestamp.parse("1970-01-01T00:00:00.5Z"), 500_000n);
  assert.equal(Timestamp.format(-(2n ** 63n)), "-290308-12-21T19:59:05.224192Z");
  assert.equal(Timestamp.format(2n ** 63n - 1n), "+294247-01-10T04:00:54.775807Z");
});

test("days that do not exist are refused", () => {
  for (const text of ["2013-02-29T00:00:00Z", "2013-13-01T00:00:00Z", "2013-01-01T24:00:00Z", "2013-01-01", "2013-01-01T00:00:00+01:00"])
    assert.throws(() => Timestamp.parse(text), /is not an instant in UTC: write it like 2013-01-31T17:05:00Z/, text);
});
