// Instants: bigints of microseconds since 1970-01-01T00:00:00 UTC, with the few questions of the calendar that features
// ask. All are answered in UTC, in the Gregorian calendar, as bigints.

const MICROS_PER_SECOND = 1_000_000n;
const MICROS_PER_DAY = 86_400n * MICROS_PER_SECOND;

/** What remains of a division that rounds down: never negative. */
const remainder = (number, by) => ((number % by) + by) % by;
const quotient = (number, by) => (number - remainder(number, by)) / by;

const pad = (number, digits) => String(number).padStart(digits, "0");

/** Year, month and day. Counts years from March in eras of 400 years, so that the leap day comes last. */
function date(instant) {
  const days = Number(quotient(instant, MICROS_PER_DAY)) + 719_468;
  const era = Math.floor(days / 146_097);
  const dayOfEra = days - era * 146_097;
  const leapDays = Math.trunc(dayOfEra / 1_460) - Math.trunc(dayOfEra / 36_524) + Math.trunc(dayOfEra / 146_096);
  const yearOfEra = Math.trunc((dayOfEra - leapDays) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.trunc(yearOfEra / 4) - Math.trunc(yearOfEra / 100));
  const monthsFromMarch = Math.trunc((5 * dayOfYear + 2) / 153);
  const month = monthsFromMarch < 10 ? monthsFromMarch + 3 : monthsFromMarch - 9;
  const day = dayOfYear - Math.trunc((153 * monthsFromMarch + 2) / 5) + 1;
  return { year: era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day };
}

export const Timestamp = Object.freeze({
  /** Microseconds since midnight. */
  microsOfDay: (instant) => remainder(instant, MICROS_PER_DAY),
  /** The day of the week, 0 for Monday to 6 for Sunday; 1970-01-01 was a Thursday. */
  weekday: (instant) => remainder(quotient(instant, MICROS_PER_DAY) + 3n, 7n),
  year: (instant) => BigInt(date(instant).year),
  month: (instant) => BigInt(date(instant).month),
  day: (instant) => BigInt(date(instant).day),

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
    const { year, month, day } = date(instant);
    const seconds = Number(remainder(instant, MICROS_PER_DAY) / MICROS_PER_SECOND);
    const micros = remainder(instant, MICROS_PER_SECOND);
    const within = year >= 0 && year <= 9999;
    const years = within ? pad(year, 4) : `${year < 0 ? "-" : "+"}${pad(Math.abs(year), 6)}`;
    const time = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map((part) => pad(Math.trunc(part), 2)).join(":");
    return `${years}-${pad(month, 2)}-${pad(day, 2)}T${time}${micros === 0n ? "" : `.${pad(micros, 6)}`}Z`;
  },
});
