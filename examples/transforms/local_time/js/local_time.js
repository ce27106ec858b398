// Time zones: the rule of one travels in the component.

import { RowError, Timestamp, float64, int64, timestamp, transform } from "skewless";

const HOUR = 3_600_000_000n;

/** Whether clocks are an hour ahead of winter time, from the second Sunday of March to the first of November. */
function isSummer(winter) {
  const [month, day, weekday] = [Timestamp.month(winter), Timestamp.day(winter), Timestamp.weekday(winter)];
  const hour = Timestamp.microsOfDay(winter) / HOUR;
  // The last Sunday, today included; 0 or less where it was in the month before.
  const sunday = day - ((weekday + 1n) % 7n);
  if (month === 3n) return sunday > 14n || (sunday >= 8n && (sunday < day || hour >= 2n));
  if (month === 11n) return sunday < 1n || (sunday === day && day <= 7n && hour < 1n);
  return 4n <= month && month <= 10n;
}

export default transform({
  name: "local_time",
  documentation: `Time of day as a point on a circle, and day of the week, both in New York.

Before 2007 another rule held: such a row fails.`,
  inputs: { time: timestamp("An instant from 2007 on.") },
  outputs: {
    time_of_day_sin: float64("Sine of the local time of day, a full turn a day: 0 at midnight, 1 at 06:00."),
    time_of_day_cos: float64("Cosine of the local time of day, a full turn a day: 1 at midnight, -1 at noon."),
    weekday: int64("Local day of the week, from 0 for Monday to 6 for Sunday."),
    offset_minutes: int64("Minutes that local time is ahead of UTC: -240 in summer, -300 in winter."),
  },
}, ({ time }) => {
  if (Timestamp.year(time) < 2007n) throw new RowError("the rule for New York is known from 2007 on");
  const offset = isSummer(time - 5n * HOUR) ? -4n : -5n;
  const local = time + offset * HOUR;
  const angle = (2 * Math.PI * Number(Timestamp.microsOfDay(local))) / Number(24n * HOUR);
  return {
    time_of_day_sin: Math.sin(angle),
    time_of_day_cos: Math.cos(angle),
    weekday: Timestamp.weekday(local),
    offset_minutes: 60n * offset,
  };
});
