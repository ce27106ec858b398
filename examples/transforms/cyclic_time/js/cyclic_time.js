// Timestamps: a bigint of microseconds, and what it answers without a time zone or a clock.

import { Timestamp, float64, int64, timestamp, transform } from "skewless";

const MICROS_PER_DAY = 86_400e6;

export default transform({
  name: "cyclic_time",
  documentation: "Time of day as a point on a circle, and day of the week, both in UTC.",
  inputs: { time: timestamp("The instant.") },
  outputs: {
    time_of_day_sin: float64("Sine of the time of day in UTC, a full turn a day: 0 at midnight, 1 at 06:00."),
    time_of_day_cos: float64("Cosine of the time of day in UTC, a full turn a day: 1 at midnight, -1 at noon."),
    weekday: int64("Day of the week in UTC, from 0 for Monday to 6 for Sunday."),
  },
}, ({ time }) => {
  const angle = (2 * Math.PI * Number(Timestamp.microsOfDay(time))) / MICROS_PER_DAY;
  return { time_of_day_sin: Math.sin(angle), time_of_day_cos: Math.cos(angle), weekday: Timestamp.weekday(time) };
});
