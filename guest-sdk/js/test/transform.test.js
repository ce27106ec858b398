import assert from "node:assert/strict";
import { test } from "node:test";

import { RowError, bytes, float64, int32, int64, list, nullable, signature, string, transform } from "skewless";
import { apply } from "skewless/testing";

import spendPerOrder from "./spend_per_order.js";

/** A transform of one input `x` to one output `y`. */
const of = (x, y, compute) => transform({ name: "t", inputs: { x }, outputs: { y } }, compute);

test("a transform is the function it was made of", () => {
  assert.equal(spendPerOrder({ total_spend: 10, total_orders: 4n }), 2.5);
  assert.equal(spendPerOrder({ total_spend: 10, total_orders: 0n }), null);
  assert.equal(spendPerOrder.name, "spend_per_order");
});

test("a signature has what was declared, in that order", () => {
  assert.deepEqual(signature(spendPerOrder), {
    name: "spend_per_order",
    version: "",
    documentation: "Average spend of an order; null where there were no orders.",
    inputs: [
      { name: "total_spend", type: "float64", nullable: false, documentation: "Money spent, in US dollars." },
      { name: "total_orders", type: "int64", nullable: false, documentation: "Number of orders." },
    ],
    outputs: [{ name: "spend_per_order", type: "float64", nullable: true, documentation: "" }],
  });
});

test("a type keeps its documentation, whatever is made of it", () => {
  const made = of(nullable(list(string("Names."))), int64("A count.") , () => ({ y: 0n }));
  const { inputs, outputs } = signature(made);
  assert.deepEqual(inputs, [{ name: "x", type: "list<string>", nullable: true, documentation: "Names." }]);
  assert.equal(outputs[0].documentation, "A count.");
});

test("a mistake in a declaration says what would mend it", () => {
  const make = (specification, compute = () => 1) => () => transform(specification, compute);
  const inputs = {};
  assert.throws(make({ inputs, output: float64 }), /a transform needs a name, as in \{ name: "spend_per_order", … \}/);
  assert.throws(make({ name: "t", inputs }), /needs an output of its own name, or outputs, as in \{ ratio: float64 \}/);
  assert.throws(make({ name: "t", inputs, output: float64, outputs: {} }), /needs an output of its own name, or outputs/);
  assert.throws(make({ name: "t", inputs: { x: Number }, output: float64 }), /the input `x` is no type: use one of skewless/);
  assert.throws(make({ name: "t", input: {}, output: float64 }), /a transform has no `input`: it has name, version, doc/);
  assert.throws(make({ name: "t", inputs, output: float64 }, 3), /`t` needs a function, after the braces/);
  assert.throws(() => list(list(float64)), /a list can't hold lists/);
});

test("an output of another type is refused, never converted", () => {
  const refused = (type, value, words) => assert.throws(() => of(int32, type, () => ({ y: value }))({ x: 1 }), words);
  refused(int64, 3, /^TypeError: the output `y` must be an int64: a bigint within 64 bits, as in 3n or BigInt\(3\), not the number 3$/);
  refused(int64, 2n ** 63n, /not the bigint 9223372036854775808n/);
  refused(float64, 3n, /must be a float64: a number, not the bigint 3n/);
  refused(float64, null, /must be a float64: a number, not null/);
  refused(nullable(float64), undefined, /must be null or a float64: a number, not undefined/);
  refused(int32, 1.5, /a whole number within 32 bits, not the number 1.5/);
  refused(string, "\ud800", /a string without lone surrogates, not a string/);
  refused(bytes, [1], /bytes: a Uint8Array, not an array/);
  refused(list(int64), [1n, 2], /must be an array, each element null or an int64.*, not the number 2 as an element/);
  refused(float64, Promise.resolve(1), /a transform can't be asynchronous/);
});

test("a function that returns no object of the outputs is told which", () => {
  assert.throws(() => of(int32, int32, () => 3)({ x: 1 }), /`t` must return an object with y, not the number 3/);
});

test("an input of another type than declared is a mistake of the test", () => {
  assert.throws(() => spendPerOrder({ total_spend: 10, total_orders: 4 }), /the input `total_orders` must be an int64/);
  assert.throws(() => apply(spendPerOrder, [{ total_spend: 10 }]), /`spend_per_order` needs the input `total_orders`/);
});

test("a row with a null in an input that may not be null is not shown to the function", () => {
  const rows = [{ total_spend: null, total_orders: 1n }, { total_spend: 9, total_orders: 2n }];
  assert.deepEqual(apply(spendPerOrder, rows), { rows: [{ spend_per_order: null }, { spend_per_order: 4.5 }], failures: [] });
});

test("a RowError fails its row, any other error the batch", () => {
  const picky = of(float64, float64, ({ x }) => {
    if (x < 0) throw new RowError(`${x} is negative`);
    if (x === 0) throw new Error("zero");
    return { y: 1 / x };
  });
  const applied = apply(picky, [{ x: 2 }, { x: -1 }]);
  assert.deepEqual(applied, { rows: [{ y: 0.5 }, { y: null }], failures: [{ row: 1, reason: "-1 is negative" }] });
  assert.throws(() => apply(picky, [{ x: 2 }, { x: 0 }]), /^Error: zero$/);
});

test("int64 stays exact beyond 2^53", () => {
  const next = of(int64, int64, ({ x }) => ({ y: x + 1n }));
  assert.deepEqual(next({ x: 9007199254740992n }), { y: 9007199254740993n });
});
