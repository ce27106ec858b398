package haversinedistance

import (
	"math"
	"testing"
)

func TestNewYorkToLosAngelesIsAbout3975Km(t *testing.T) {
	distance := HaversineDistance(40.639751, -73.778925, 33.942536, -118.408075)
	if math.Abs(distance-3_974) > 2 {
		t.Error(distance)
	}
}

func TestAPointIsAtNoDistanceFromItself(t *testing.T) {
	if distance := HaversineDistance(40.639751, -73.778925, 40.639751, -73.778925); distance != 0 {
		t.Error(distance)
	}
}

func TestPoleToPoleIsHalfTheCircumference(t *testing.T) {
	if distance := HaversineDistance(90, 0, -90, 0); math.Abs(distance-math.Pi*earthRadiusKm) > 1e-9 {
		t.Error(distance)
	}
}
