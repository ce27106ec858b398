// The instant of the question as an input: a transform has no clock.

import { float64, nullable, timestamp, transform } from "skewless";

const MICROS_PER_MINUTE = 60e6;

export default transform({
  name: "minutes_since",
  documentation: "Minutes from an earlier event to `time`, null where there was none; negative if the event lies ahead.",
  inputs: {
    since: nullable(timestamp("The earlier event.")),
    time: timestamp("The instant from which to look back."),
  },
  output: nullable(float64),
}, ({ since, time }) => (since === null ? null : Number(time - since) / MICROS_PER_MINUTE));
