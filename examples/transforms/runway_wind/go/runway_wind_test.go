package runwaywind

import (
	"math"
	"testing"
)

func TestWindAlongTheRunwayIsAllHeadwind(t *testing.T) {
	if wind := RunwayWind(220, 15, 220); wind != (Wind{Headwind: 15}) {
		t.Error(wind)
	}
}

func TestWindFromBehindIsANegativeHeadwind(t *testing.T) {
	if wind := RunwayWind(40, 15, 220); wind.Headwind != -15 || math.Abs(wind.Crosswind) > 1e-12 {
		t.Error(wind)
	}
}

func TestWindFromTheRightIsAPositiveCrosswind(t *testing.T) {
	if wind := RunwayWind(310, 10, 220); wind.Crosswind != 10 || math.Abs(wind.Headwind) > 1e-12 {
		t.Error(wind)
	}
}
