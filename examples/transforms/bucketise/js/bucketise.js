// Constants of the model, and an output with a name of its own.

import { float64, int64, nullable, transform } from "skewless";

/** Where buckets begin, in ascending order. */
const BOUNDARIES = [0, 10, 50, 100, 500];

export default transform({
  name: "bucketise",
  documentation: "How many boundaries (0, 10, 50, 100, 500) an amount has reached; null where it is not a number.",
  inputs: { amount: float64("An amount of money.") },
  outputs: { amount_bucket: nullable(int64) },
}, ({ amount }) => {
  if (Number.isNaN(amount)) return { amount_bucket: null };
  return { amount_bucket: BigInt(BOUNDARIES.filter((boundary) => boundary <= amount).length) };
});
