// Package planeage teaches row failures: a row that can't be right fails, and spares the others.
package planeage

import (
	"errors"
	"strconv"

	"skewless"
)

// PlaneAge is the age of a plane in calendar years, null where its year of manufacture is unknown.
//
// A plane that is built after time is a mistake in the data: its row fails.
//
//skewless:transform
func PlaneAge(
	manufacturedYear *int64, // Year in which the plane was built.
	time skewless.Timestamp, // The instant at which to tell the age.
) (*int64, error) {
	if manufacturedYear == nil {
		return nil, nil
	}
	year := *manufacturedYear
	if year > time.Year() {
		return nil, errors.New("the plane was built in " + strconv.FormatInt(year, 10) + ", after " + time.String())
	}
	return new(time.Year() - year), nil
}
