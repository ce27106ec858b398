// Several outputs: an object with one value for each.

import { float64, transform } from "skewless";

export default transform({
  name: "runway_wind",
  documentation: "Splits the wind into what blows along a runway and what blows across it.",
  inputs: {
    wind_direction: float64("Direction the wind comes from, in degrees clockwise from north."),
    wind_speed: float64("Speed of the wind, in any unit; headwind and crosswind are in the same."),
    runway_heading: float64("Direction of take-off or landing, in degrees clockwise from north."),
  },
  outputs: {
    headwind: float64(
      "Wind against the direction of take-off or landing, in the unit of `wind_speed`; negative for a tailwind.",
    ),
    crosswind: float64("Wind across the runway, in the unit of `wind_speed`; positive from the right."),
  },
}, ({ wind_direction, wind_speed, runway_heading }) => {
  // Within one turn, so that 0 and 360 degrees give the same bits.
  const turn = (wind_direction - runway_heading) % 360;
  const angle = (turn < 0 ? turn + 360 : turn) * (Math.PI / 180);
  return { headwind: wind_speed * Math.cos(angle), crosswind: wind_speed * Math.sin(angle) };
});
