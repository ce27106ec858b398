// Package localtime teaches time zones: the rule of one travels in the component.
package localtime

import (
	"errors"
	"math"

	"skewless"
)

const hour = 3_600_000_000

// LocalTime is the time of day as a point on a circle, and the day of the week, both in New York.
//
// Before 2007 another rule held: such a row fails.
//
//skewless:transform
func LocalTime(
	time skewless.Timestamp, // An instant from 2007 on.
) (
	timeOfDaySin float64, // Sine of the local time of day, a full turn a day: 0 at midnight, 1 at 06:00.
	timeOfDayCos float64, // Cosine of the local time of day, a full turn a day: 1 at midnight, -1 at noon.
	weekday int64, // Local day of the week, from 0 for Monday to 6 for Sunday.
	offsetMinutes int64, // Minutes that local time is ahead of UTC: -240 in summer, -300 in winter.
	err error,
) {
	if time.Year() < 2007 {
		return 0, 0, 0, 0, errors.New("the rule for New York is known from 2007 on")
	}
	offset := skewless.Timestamp(-5)
	if isSummer(time - 5*hour) {
		offset = -4
	}
	local := time + offset*hour
	sin, cos := math.Sincos(2 * math.Pi * float64(local.MicrosOfDay()) / (24 * hour))
	return sin, cos, local.Weekday(), 60 * int64(offset), nil
}

// isSummer tells whether clocks are an hour ahead of winter time, from the second Sunday of March to the first of
// November.
func isSummer(winter skewless.Timestamp) bool {
	day, clock := winter.Day(), winter.MicrosOfDay()/hour
	// The last Sunday, today included; 0 or less where it was in the month before.
	sunday := day - (winter.Weekday()+1)%7
	switch month := winter.Month(); {
	case month == 3:
		return sunday > 14 || sunday >= 8 && (sunday < day || clock >= 2)
	case month == 11:
		return sunday < 1 || sunday == day && day <= 7 && clock < 1
	default:
		return 4 <= month && month <= 10
	}
}
