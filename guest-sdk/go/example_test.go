package skewless_test

import (
	"errors"
	"fmt"

	"skewless"
)

// A transform is a plain function. Above it stands the directive:
//
//	//skewless:transform
func SpendPerOrder(totalSpend float64, totalOrders int64) *float64 {
	if totalOrders == 0 {
		return nil
	}
	return new(totalSpend / float64(totalOrders))
}

func Example() {
	fmt.Println(*SpendPerOrder(30, 4), SpendPerOrder(30, 0) == nil)
	// Output: 7.5 true
}

// An error fails the row, which becomes null with the reason kept, and spares the other rows.
func Example_error() {
	rate := func(clicks, views int64) (float64, error) {
		if clicks > views {
			return 0, errors.New("more clicks than views")
		}
		return float64(clicks) / float64(views), nil
	}
	fmt.Println(rate(1, 4))
	fmt.Println(rate(5, 4))
	// Output:
	// 0.25 <nil>
	// 0 more clicks than views
}

// In the column form, rows that may be null are a Column, and others a slice.
func ExampleColumn() {
	doubled := func(number skewless.Column[float64]) skewless.Column[float64] {
		doubled := skewless.NewColumn[float64](number.Len())
		for row, value := range number.Rows() {
			if value == nil {
				doubled.SetNull(row)
			} else {
				doubled.Values[row] = *value * 2
			}
		}
		return doubled
	}
	column := doubled(skewless.ColumnOf(new(1.5), nil, new(4.0)))
	fmt.Println(column.Values, column.IsNull(1))
	// Output: [3 0 8] true
}

func ExampleList() {
	delays := skewless.ListOf(new(10.0), nil, new(-4.0))
	sum := 0.0
	for delay := range delays.Present() {
		sum += delay
	}
	fmt.Println(delays.Len(), sum)
	// Output: 3 6
}

func ExampleParseTimestamp() {
	departure, err := skewless.ParseTimestamp("2013-01-31T17:05:00Z")
	fmt.Println(departure.Year(), departure.Weekday(), departure+1, err)
	// Output: 2013 3 2013-01-31T17:05:00.000001Z <nil>
}
