package minutessince

import (
	"testing"

	"skewless"
)

func TestCountsPartsOfAMinute(t *testing.T) {
	since, time := skewless.Timestamp(0), skewless.Timestamp(3_630_000_000)
	if ahead, behind := *MinutesSince(&since, time), *MinutesSince(&time, since); ahead != 60.5 || behind != -60.5 {
		t.Error(ahead, behind)
	}
}

func TestIsNullWhereNothingHappenedYet(t *testing.T) {
	if got := MinutesSince(nil, 0); got != nil {
		t.Error(*got)
	}
}
