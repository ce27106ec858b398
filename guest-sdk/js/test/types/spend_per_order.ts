// Not run: the compiler checks that the SDK's types say what its code does. What must be an error is marked so.
import { type Column, RowError, Timestamp, bool, column, float64, int64, list, nullable, signature, string, timestamp, transform } from "skewless";
import * as testing from "skewless/testing";

export const spendPerOrder = transform(
  {
    name: "spend_per_order",
    inputs: { total_spend: float64("Money spent."), total_orders: int64 },
    output: nullable(float64),
  },
  ({ total_spend, total_orders }) => (total_orders === 0n ? null : total_spend / Number(total_orders)),
);
const result: number | null = spendPerOrder({ total_spend: 1, total_orders: 2n });

// @ts-expect-error an int64 is no number
spendPerOrder({ total_spend: 1, total_orders: 2 });
// @ts-expect-error an int64 output is no number
transform({ name: "t", inputs: { x: int64 }, output: int64 }, ({ x }) => Number(x));
// @ts-expect-error an output that may not be null
transform({ name: "t", inputs: { x: int64 }, output: int64 }, ({ x }) => (x === 0n ? null : x));

export const several = transform(
  {
    name: "several",
    inputs: { names: list(string), at: nullable(timestamp) },
    outputs: { count: int64, first: nullable(string), year: nullable(int64) },
  },
  ({ names, at }) => {
    if (names.length > 9) throw new RowError("too many");
    return { count: BigInt(names.length), first: names[0] ?? null, year: at === null ? null : Timestamp.year(at) };
  },
);
// @ts-expect-error an output is missing
transform({ name: "t", inputs: { x: int64 }, outputs: { y: int64, z: int64 } }, ({ x }) => ({ y: x }));
// @ts-expect-error null is for outputs that all may be null
transform({ name: "t", inputs: { x: int64 }, outputs: { y: int64, z: nullable(int64) } }, () => null);
transform({ name: "t", inputs: { x: int64 }, outputs: { y: nullable(int64), z: nullable(bool) } }, () => null);

export const whole = transform.columns(
  { name: "whole", inputs: { x: float64, n: int64, s: nullable(string) }, outputs: { y: float64, z: nullable(int64), t: string } },
  ({ x, n, s }, rows) => {
    const values: Float64Array = x.values;
    const counts: BigInt64Array = n.values;
    const texts: (string | null)[] = s.map((text) => text);
    return { y: values.map((value) => value * 2), z: column(counts, new Uint8Array(Math.ceil(rows / 8))), t: texts.map(String) };
  },
);

const numbers: Column<number> = testing.column(float64, [1, 2]);
const rows: testing.Applied = testing.apply(several, [{ names: ["a"], at: null }]);
export default [result, numbers, rows, signature(whole).inputs[0]?.name];
