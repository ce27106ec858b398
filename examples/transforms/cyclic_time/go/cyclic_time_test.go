package cyclictime

import (
	"math"
	"testing"

	"skewless"
)

func TestMidnightOnNewYear2013IsATuesday(t *testing.T) {
	midnight, err := skewless.ParseTimestamp("2013-01-01T00:00:00Z")
	if err != nil {
		t.Fatal(err)
	}
	if sin, cos, weekday := CyclicTime(midnight); sin != 0 || cos != 1 || weekday != 1 {
		t.Error(sin, cos, weekday)
	}
	if sin, cos, weekday := CyclicTime(midnight - 1); math.Abs(sin) > 1e-9 || cos < 1-1e-9 || weekday != 0 {
		t.Error(sin, cos, weekday)
	}
}

func TestDaysBefore1970CountOn(t *testing.T) {
	if _, _, weekday := CyclicTime(-43_200_000_000); weekday != 2 {
		t.Error(weekday)
	}
}
