package geohash

import (
	"math"
	"testing"
)

func TestAPointHasACellAndACoarserOne(t *testing.T) {
	fine, coarse, err := Geohash(57.64911, 10.40744)
	if fine != "u4pruydqq" || coarse != "u4pru" || err != nil {
		t.Error(fine, coarse, err)
	}
}

func TestAPointThatIsNowhereFails(t *testing.T) {
	for _, point := range [][2]float64{{90.1, 0}, {0, -180.1}, {math.NaN(), 0}} {
		if cell, _, err := Geohash(point[0], point[1]); err == nil {
			t.Error(cell)
		}
	}
}
