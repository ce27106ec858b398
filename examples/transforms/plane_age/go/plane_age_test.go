package planeage

import (
	"testing"

	"skewless"
)

func instant(t *testing.T, text string) skewless.Timestamp {
	t.Helper()
	instant, err := skewless.ParseTimestamp(text)
	if err != nil {
		t.Fatal(err)
	}
	return instant
}

func TestCountsCalendarYears(t *testing.T) {
	age, err := PlaneAge(new(int64(1999)), instant(t, "2013-12-31T23:59:59Z"))
	if err != nil || *age != 14 {
		t.Error(age, err)
	}
}

func TestAPlaneFromTheFutureFails(t *testing.T) {
	_, err := PlaneAge(new(int64(2014)), instant(t, "2013-01-01T05:00:00Z"))
	if err == nil || err.Error() != "the plane was built in 2014, after 2013-01-01T05:00:00Z" {
		t.Error(err)
	}
}
