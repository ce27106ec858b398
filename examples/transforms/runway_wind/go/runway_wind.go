// Package runwaywind teaches several outputs: a struct with one field for each.
package runwaywind

import "math"

const radiansPerDegree = math.Pi / 180

// Wind is the wind as a plane on the runway meets it.
type Wind struct {
	// Headwind is the wind against the direction of take-off or landing, in the unit of wind_speed; negative for a
	// tailwind.
	Headwind float64
	// Crosswind is the wind across the runway, in the unit of wind_speed; positive from the right.
	Crosswind float64
}

// RunwayWind splits the wind into what blows along a runway and what blows across it.
//
//skewless:transform
func RunwayWind(
	windDirection float64, // Direction the wind comes from, in degrees clockwise from north.
	windSpeed float64, // Speed of the wind, in any unit; headwind and crosswind are in the same.
	runwayHeading float64, // Direction of take-off or landing, in degrees clockwise from north.
) Wind {
	// Within one turn, so that 0 and 360 degrees give the same bits.
	angle := math.Mod(windDirection-runwayHeading, 360)
	if angle < 0 {
		angle += 360
	}
	sin, cos := math.Sincos(angle * radiansPerDegree)
	return Wind{Headwind: windSpeed * cos, Crosswind: windSpeed * sin}
}
