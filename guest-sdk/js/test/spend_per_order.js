import { float64, int64, nullable, transform } from "skewless";

export default transform({
  name: "spend_per_order",
  documentation: "Average spend of an order; null where there were no orders.",
  inputs: {
    total_spend: float64("Money spent, in US dollars."),
    total_orders: int64("Number of orders."),
  },
  output: nullable(float64),
}, ({ total_spend, total_orders }) => (total_orders === 0n ? null : total_spend / Number(total_orders)));
