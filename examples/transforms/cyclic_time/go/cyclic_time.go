// Package cyclictime teaches timestamps: a clock on which 23:59 lies next to 00:00.
package cyclictime

import (
	"math"

	"skewless"
)

const microsPerDay = 86_400e6

// CyclicTime is the time of day as a point on a circle, and the day of the week, both in UTC.
//
//skewless:transform
func CyclicTime(
	time skewless.Timestamp, // The instant.
) (
	timeOfDaySin float64, // Sine of the time of day in UTC, a full turn a day: 0 at midnight, 1 at 06:00.
	timeOfDayCos float64, // Cosine of the time of day in UTC, a full turn a day: 1 at midnight, -1 at noon.
	weekday int64, // Day of the week in UTC, from 0 for Monday to 6 for Sunday.
) {
	timeOfDaySin, timeOfDayCos = math.Sincos(2 * math.Pi * float64(time.MicrosOfDay()) / microsPerDay)
	return timeOfDaySin, timeOfDayCos, time.Weekday()
}
