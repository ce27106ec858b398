package delaytrend

import (
	"testing"

	"skewless"
)

func TestEachListHasItsOwnTrend(t *testing.T) {
	growing := skewless.ListOf(new(10.0), new(20.0), new(30.0))
	unknown := skewless.ListOf(new(4.0), nil, new(0.0))
	single := skewless.ListOf(new(5.0))
	mean, slope := DelayTrend(skewless.ColumnOf(&growing, &unknown, &single, nil))
	for row, expected := range []struct{ mean, slope *float64 }{
		{new(20.0), new(10.0)}, {new(2.0), new(-4.0)}, {new(5.0), nil}, {nil, nil},
	} {
		check(t, mean, row, expected.mean)
		check(t, slope, row, expected.slope)
	}
}

func check(t *testing.T, column skewless.Column[float64], row int, expected *float64) {
	t.Helper()
	if column.IsNull(row) != (expected == nil) || expected != nil && column.Values[row] != *expected {
		t.Error(row, column.Values[row], column.IsNull(row))
	}
}
