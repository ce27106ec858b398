// Package geohash teaches rows that fail, and say why.
package geohash

import (
	"errors"
	"math"
)

const alphabet = "0123456789bcdefghjkmnpqrstuvwxyz"

// Geohash is the cell of a grid over the earth that a point lies in, as a geohash.
//
//skewless:transform
func Geohash(
	latitude float64, // Degrees north, from -90 to 90.
	longitude float64, // Degrees east, from -180 to 180.
) (
	geohash string, // The cell in 9 letters and digits, some 5 m wide.
	neighbourhood string, // The cell around it in 5, some 5 km wide.
	err error,
) {
	// Also false for a NaN.
	if !(math.Abs(latitude) <= 90 && math.Abs(longitude) <= 180) {
		return "", "", errors.New("the point is not on the earth")
	}
	latitudes, longitudes := [2]float64{-90, 90}, [2]float64{-180, 180}
	letters := make([]byte, 9)
	for letter := range letters {
		place := 0
		for bit := range 5 {
			// Longitude and latitude take turns, from the first bit of the first letter on.
			if (5*letter+bit)%2 == 0 {
				place = place<<1 | halve(&longitudes, longitude)
			} else {
				place = place<<1 | halve(&latitudes, latitude)
			}
		}
		letters[letter] = alphabet[place]
	}
	geohash = string(letters)
	return geohash, geohash[:5], nil
}

// halve cuts a range to the half that value lies in; 1 if that is the upper one.
func halve(ends *[2]float64, value float64) int {
	middle := (ends[0] + ends[1]) / 2
	if value >= middle {
		ends[0] = middle
		return 1
	}
	ends[1] = middle
	return 0
}
