import { float64, int64, nullable, transform } from "skewless";

export default transform({
  name: "spend_per_order",
  documentation: "Money spent for each order; null where there was no order.",
  inputs: {
    total_spend: float64("Money spent, in US dollars."),
    total_orders: int64("Number of orders."),
  },
  output: nullable(float64),
}, ({ total_spend, total_orders }) => {
  if (total_orders === 0n) return null;
  return total_spend / Number(total_orders);
});
