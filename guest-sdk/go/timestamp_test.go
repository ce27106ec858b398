package skewless

import (
	"math"
	"math/rand"
	"testing"
	"time"
)

func TestAgreesWithTheStandardLibraryOnTheCalendar(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	first, last := parsed(t, "0001-01-01T00:00:00Z"), parsed(t, "9999-12-31T23:59:59.999999Z")
	for range 100_000 {
		ours := first + Timestamp(random.Int63n(int64(last-first)))
		theirs := time.UnixMicro(int64(ours)).UTC()
		if ours.Year() != int64(theirs.Year()) || ours.Month() != int64(theirs.Month()) || ours.Day() != int64(theirs.Day()) ||
			ours.Weekday() != int64(theirs.Weekday()+6)%7 {
			t.Fatalf("%v is not %v", ours, theirs)
		}
		if again, err := ParseTimestamp(ours.String()); err != nil || again != ours {
			t.Fatalf("%v is read as %v, %v", ours, again, err)
		}
		if read, err := time.Parse(time.RFC3339Nano, ours.String()); err != nil || !read.Equal(theirs) {
			t.Fatalf("%v is %v to the standard library, %v", ours, read, err)
		}
	}
}

func TestCountsDaysBefore1970On(t *testing.T) {
	noon := parsed(t, "1969-12-31T12:00:00Z")
	if noon.Weekday() != 2 || noon.MicrosOfDay() != 43_200_000_000 || noon.Year() != 1969 {
		t.Error(noon.Weekday(), noon.MicrosOfDay(), noon.Year())
	}
}

func TestDifferencesStopAtTheEnds(t *testing.T) {
	first, last := Timestamp(math.MinInt64), Timestamp(math.MaxInt64)
	for _, c := range []struct {
		later, earlier Timestamp
		expected       int64
	}{
		{last, first, math.MaxInt64},
		{first, last, math.MinInt64},
		{0, first, math.MaxInt64},
		{-1, first, math.MaxInt64},
		{-2, last, math.MinInt64},
		{-1, last, math.MinInt64},
		{3_630_000_000, 0, 3_630_000_000},
	} {
		if difference := c.later.MicrosSince(c.earlier); difference != c.expected {
			t.Errorf("from %d to %d: %d, not %d", c.earlier, c.later, difference, c.expected)
		}
	}
}

func TestTheEndsAreWritten(t *testing.T) {
	for _, c := range []struct {
		timestamp Timestamp
		expected  string
	}{
		{math.MinInt64, "-290308-12-21T19:59:05.224192Z"},
		{math.MaxInt64, "+294247-01-10T04:00:54.775807Z"},
	} {
		if c.timestamp.String() != c.expected {
			t.Error(c.timestamp.String(), c.expected)
		}
	}
}

func TestWhatIsNoInstantIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "Z", "2013-01-01", "2013-02-29T00:00:00Z", "2013-13-01T00:00:00Z", "2013-00-01T00:00:00Z",
		"2013-01-01T24:00:00Z", "2013-01-01T00:60:00Z", "2013-01-01T00:00:00", "2013-1-01T00:00:00Z",
		"2013-01-01T00:00:00.Z", "2013-01-01T00:00:00.1234567Z", "2013-01-01T00:00:00+01:00", "x013-01-01T00:00:00Z",
	} {
		if read, err := ParseTimestamp(text); err == nil {
			t.Errorf("%q is read as %v", text, read)
		}
	}
	_, err := ParseTimestamp("2013-01-01")
	if err.Error() != "`2013-01-01` is not an instant in UTC: write it like 2013-01-31T17:05:00Z" {
		t.Error(err)
	}
}

func parsed(t *testing.T, text string) Timestamp {
	t.Helper()
	timestamp, err := ParseTimestamp(text)
	if err != nil {
		t.Fatal(err)
	}
	return timestamp
}
