// Package haversinedistance teaches the simplest kind of transform: numbers in and one number out.
package haversinedistance

import "math"

const (
	// The earth's mean radius.
	earthRadiusKm    = 6371.0088
	radiansPerDegree = math.Pi / 180
)

// HaversineDistance is the great-circle distance between two points, in kilometres, on a sphere of the earth's mean
// radius.
//
//skewless:transform
func HaversineDistance(
	originLatitude float64, // Latitude of the origin, in degrees north.
	originLongitude float64, // Longitude of the origin, in degrees east.
	destinationLatitude float64, // Latitude of the destination, in degrees north.
	destinationLongitude float64, // Longitude of the destination, in degrees east.
) float64 {
	alongLatitude := math.Sin((destinationLatitude - originLatitude) * radiansPerDegree / 2)
	alongLongitude := math.Sin((destinationLongitude - originLongitude) * radiansPerDegree / 2)
	across := math.Cos(originLatitude*radiansPerDegree) * math.Cos(destinationLatitude*radiansPerDegree)
	haversine := alongLatitude*alongLatitude + across*(alongLongitude*alongLongitude)
	return 2 * earthRadiusKm * math.Atan2(math.Sqrt(haversine), math.Sqrt(1-haversine))
}
