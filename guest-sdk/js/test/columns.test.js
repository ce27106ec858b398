import assert from "node:assert/strict";
import { test } from "node:test";

import { bool, column, float64, int64, list, nullable, string, transform } from "skewless";
import * as testing from "skewless/testing";

const spendPerOrder = transform.columns(
  {
    name: "spend_per_order",
    inputs: { total_spend: float64, total_orders: int64 },
    output: nullable(float64),
  },
  ({ total_spend, total_orders }, rows) => {
    const values = new Float64Array(rows);
    const validity = new Uint8Array(Math.ceil(rows / 8));
    for (let row = 0; row < rows; row++) {
      const orders = total_orders.values[row];
      if (orders === 0n) continue;
      values[row] = total_spend.values[row] / Number(orders);
      validity[row >> 3] |= 1 << (row & 7);
    }
    return column(values, validity);
  },
);

test("a transform in the column form takes and returns whole columns", () => {
  const columns = {
    total_spend: testing.column(float64, [10, 3, 9]),
    total_orders: testing.column(int64, [4n, 0n, 2n]),
  };
  assert.deepEqual([...spendPerOrder(columns, 3)], [2.5, null, 4.5]);
});

test("the host's part around it is the same as for rows", () => {
  const rows = [{ total_spend: 10, total_orders: 4n }, { total_spend: null, total_orders: 1n }];
  const applied = testing.apply(spendPerOrder, rows);
  assert.deepEqual(applied, { rows: [{ spend_per_order: 2.5 }, { spend_per_order: null }], failures: [] });
});

test("columns of numbers are typed arrays, exact ones for int64", () => {
  const instants = testing.column(nullable(int64), [9007199254740993n, null]);
  assert.deepEqual(instants.values, BigInt64Array.of(9007199254740993n, 0n));
  assert.deepEqual(instants.validity, Uint8Array.of(1));
  assert.equal(testing.column(float64, [1]).validity, undefined);
  assert.throws(() => instants.get(2), /row 2 of a column of 2 rows/);
});

test("strings and lists have offsets, and values by row", () => {
  const names = testing.column(nullable(string), ["é", null, "ab"]);
  assert.deepEqual([names.offsets, names.data.length, names.get(0), names.get(1)], [Int32Array.of(0, 2, 2, 4), 4, "é", null]);
  const lists = testing.column(list(float64), [[1, null], [], [3]]);
  assert.deepEqual([lists.offsets, lists.elements.values], [Int32Array.of(0, 2, 2, 3), Float64Array.of(1, 0, 3)]);
  assert.deepEqual(lists.map((list) => list.length), [2, 0, 1]);
  assert.deepEqual([...testing.column(bool, [true, false])], [true, false]);
});

test("an output of another length than the batch is refused", () => {
  const short = transform.columns({ name: "t", inputs: { x: float64 }, outputs: { y: float64 } }, () => ({ y: [1] }));
  assert.throws(() => testing.apply(short, [{ x: 1 }, { x: 2 }]), /the output `y` has 1 values for 2 rows/);
  const absent = transform.columns({ name: "t", inputs: { x: float64 }, outputs: { y: float64 } }, () => ({}));
  assert.throws(() => testing.apply(absent, [{ x: 1 }]), /`t` must return an array, a typed array or a column for the output `y`/);
});
