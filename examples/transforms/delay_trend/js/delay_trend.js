// Lists, and a transform that takes whole columns at once.

import { float64, list, nullable, transform } from "skewless";

export default transform.columns({
  name: "delay_trend",
  documentation: "Mean and slope of a list of delays, oldest first. Unknown delays are left out.",
  inputs: { recent_delays: nullable(list(float64("The latest delays, in minutes, oldest first."))) },
  outputs: {
    mean: nullable(float64("Mean of the delays, in minutes; null if there is none.")),
    slope: nullable(
      float64("Minutes by which a delay exceeds the one before it, by least squares; null if there are less than two."),
    ),
  },
}, ({ recent_delays }) => {
  const trends = recent_delays.map((delays) => trend((delays ?? []).filter((delay) => delay !== null)));
  return { mean: trends.map(([mean]) => mean), slope: trends.map(([, slope]) => slope) };
});

function trend(delays) {
  if (delays.length === 0) return [null, null];
  const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length;
  const middle = (delays.length - 1) / 2;
  let covariance = 0;
  let variance = 0;
  delays.forEach((delay, position) => {
    covariance += (position - middle) * (delay - mean);
    variance += (position - middle) * (position - middle);
  });
  return [mean, delays.length > 1 ? covariance / variance : null];
}
