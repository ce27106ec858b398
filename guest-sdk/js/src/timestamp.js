// Instants: bigints of microseconds since 1970-01-01T00:00:00 UTC, with the few questions of the calendar that features
// ask. All are answered in UTC, in the Gregorian calendar, as bigints.

const MICROS_PER_DAY = 86_400_000_000n;

/** Division that rounds down, and what remains: never negative. */
const floored = (number, by) => ((number % by) + by) % by;
const days = (instant) => (instant - floored(instant, MICROS_PER_DAY)) / MICROS_PER_DAY;

/** The day as a Date, which is exact: years of 64-bit microseconds stay below what a Date takes, but for 17 % of them. */
const date = (instant) => new Date(Number(days(instant)) * 86_400_000);

export const Timestamp = Object.freeze({
  /** Microseconds since midnight. */
  microsOfDay: (instant) => floored(instant, MICROS_PER_DAY),
  /** The day of the week, 0 for Monday to 6 for Sunday. */
  weekday: (instant) => floored(days(instant) + 3n, 7n),
  year: (instant) => BigInt(date(instant).getUTCFullYear()),
  month: (instant) => BigInt(date(instant).getUTCMonth() + 1),
  day: (instant) => BigInt(date(instant).getUTCDate()),

  /** The instant of a text like 2013-01-31T17:05:00Z, with up to six decimals of a second. */
  parse(text) {
    const [, seconds, fraction = ""] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z$/.exec(text) ?? [];
    const milliseconds = seconds === undefined ? NaN : Date.parse(`${seconds}Z`);
    if (Number.isNaN(milliseconds) || new Date(milliseconds).toISOString() !== `${seconds}.000Z`)
      throw new RangeError(`\`${text}\` is not an instant in UTC: write it like 2013-01-31T17:05:00Z`);
    return BigInt(milliseconds) * 1000n + BigInt(fraction.padEnd(6, "0"));
  },

  /** The text of an instant, like 2013-01-31T17:05:00Z. */
  format(instant) {
    const micros = floored(instant, 1_000_000n);
    const seconds = new Date(Number((instant - micros) / 1000n)).toISOString().replace(".000Z", "");
    return micros === 0n ? `${seconds}Z` : `${seconds}.${String(micros).padStart(6, "0")}Z`;
  },
});
