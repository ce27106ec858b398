// Row failures: a mistake in the data fails its row, and spares the others.

import { RowError, Timestamp, int64, nullable, timestamp, transform } from "skewless";

export default transform({
  name: "plane_age",
  documentation: `Age of a plane in calendar years, null where its year of manufacture is unknown.

A plane that is built after \`time\` is a mistake in the data: its row fails.`,
  inputs: {
    manufactured_year: nullable(int64("Year in which the plane was built.")),
    time: timestamp("The instant at which to tell the age."),
  },
  output: nullable(int64),
}, ({ manufactured_year, time }) => {
  if (manufactured_year === null) return null;
  const age = Timestamp.year(time) - manufactured_year;
  if (age < 0n) throw new RowError(`the plane was built in ${manufactured_year}, after ${Timestamp.format(time)}`);
  return age;
});
