// Rows that fail, and say why.

import { RowError, float64, string, transform } from "skewless";

const ALPHABET = "0123456789bcdefghjkmnpqrstuvwxyz";

/** Cuts a range to the half that `value` lies in; 1 if that is the upper one. */
function halve(range, value) {
  const middle = (range[0] + range[1]) / 2;
  const upper = value >= middle;
  range[upper ? 0 : 1] = middle;
  return upper ? 1 : 0;
}

export default transform({
  name: "geohash",
  documentation: "The cell of a grid over the earth that a point lies in, as a geohash.",
  inputs: {
    latitude: float64("Degrees north, from -90 to 90."),
    longitude: float64("Degrees east, from -180 to 180."),
  },
  outputs: {
    geohash: string("The cell in 9 letters and digits, some 5 m wide."),
    neighbourhood: string("The cell around it in 5, some 5 km wide."),
  },
}, ({ latitude, longitude }) => {
  // Also false for a NaN.
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) throw new RowError("the point is not on the earth");
  const [latitudes, longitudes] = [[-90, 90], [-180, 180]];
  let geohash = "";
  for (let letter = 0; letter < 9; letter++) {
    let place = 0;
    for (let bit = 0; bit < 5; bit++) {
      // Longitude and latitude take turns, from the first bit of the first letter on.
      const upper = (5 * letter + bit) % 2 === 0 ? halve(longitudes, longitude) : halve(latitudes, latitude);
      place = place * 2 + upper;
    }
    geohash += ALPHABET[place];
  }
  return { geohash, neighbourhood: geohash.slice(0, 5) };
});
