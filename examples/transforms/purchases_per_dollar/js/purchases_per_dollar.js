// Nulls: an input that may be null, and a division that has no answer.

import { float64, int64, nullable, transform } from "skewless";

export default transform({
  name: "purchases_per_dollar",
  documentation: "Purchases for each dollar spent; null where either is unknown or nothing was spent.",
  inputs: {
    purchases: nullable(int64("Number of purchases.")),
    spend: nullable(float64("Money spent, in US dollars.")),
  },
  output: nullable(float64),
}, ({ purchases, spend }) => {
  if (purchases === null || spend === null || spend === 0) return null;
  return Number(purchases) / spend;
});
