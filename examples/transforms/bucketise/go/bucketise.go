// Package bucketise teaches constants of the model, and an output with a name of its own.
package bucketise

import (
	"math"
	"sort"
)

// Where buckets begin, in ascending order.
var boundaries = []float64{0, 10, 50, 100, 500}

// Bucketise is how many boundaries (0, 10, 50, 100, 500) an amount has reached; null where it is not a number.
//
//skewless:transform
func Bucketise(
	amount float64, // An amount of money.
) (
	amountBucket *int64,
) {
	if math.IsNaN(amount) {
		return nil
	}
	return new(int64(sort.Search(len(boundaries), func(i int) bool { return boundaries[i] > amount })))
}
