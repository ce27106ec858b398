// The simplest transform: numbers in, one number out.

import { float64, transform } from "skewless";

/** The earth's mean radius. */
const EARTH_RADIUS_KM = 6371.0088;

const RADIANS_PER_DEGREE = Math.PI / 180;

export default transform({
  name: "haversine_distance",
  documentation: "Great-circle distance between two points, in kilometres, on a sphere of the earth's mean radius.",
  inputs: {
    origin_latitude: float64("Latitude of the origin, in degrees north."),
    origin_longitude: float64("Longitude of the origin, in degrees east."),
    destination_latitude: float64("Latitude of the destination, in degrees north."),
    destination_longitude: float64("Longitude of the destination, in degrees east."),
  },
  output: float64,
}, ({ origin_latitude, origin_longitude, destination_latitude, destination_longitude }) => {
  const halfLatitude = ((destination_latitude - origin_latitude) * RADIANS_PER_DEGREE) / 2;
  const halfLongitude = ((destination_longitude - origin_longitude) * RADIANS_PER_DEGREE) / 2;
  const across = Math.cos(origin_latitude * RADIANS_PER_DEGREE) * Math.cos(destination_latitude * RADIANS_PER_DEGREE);
  const [byLatitude, byLongitude] = [Math.sin(halfLatitude), Math.sin(halfLongitude)];
  const haversine = byLatitude * byLatitude + across * (byLongitude * byLongitude);
  return 2 * EARTH_RADIUS_KM * Math.atan2(Math.sqrt(haversine), Math.sqrt(1 - haversine));
});
