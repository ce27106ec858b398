package localtime

import (
	"testing"

	"skewless"
)

func TestClocksChangeToTheMicrosecond(t *testing.T) {
	// 2024-03-10T07:00:00Z and 2024-11-03T06:00:00Z.
	for change, offsets := range map[skewless.Timestamp][2]int64{
		1_710_054_000_000_000: {-300, -240},
		1_730_613_600_000_000: {-240, -300},
	} {
		for i, time := range []skewless.Timestamp{change - 1, change} {
			if _, _, _, offset, err := LocalTime(time); offset != offsets[i] || err != nil {
				t.Error(time, offset, err)
			}
		}
	}
}

func TestAnotherRuleHeldBefore2007(t *testing.T) {
	if _, _, _, _, err := LocalTime(1_167_609_599_000_000); err == nil {
		t.Error("an instant of 2006 has a local time")
	}
}
