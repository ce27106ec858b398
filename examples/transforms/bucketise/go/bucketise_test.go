package bucketise

import (
	"math"
	"testing"
)

func TestABoundaryBelongsToTheBucketAbove(t *testing.T) {
	for amount, expected := range map[float64]int64{-0.01: 0, 0: 1, 9.99: 1, 10: 2, 500: 5} {
		if bucket := Bucketise(amount); *bucket != expected {
			t.Error(amount, *bucket)
		}
	}
	if bucket := Bucketise(math.NaN()); bucket != nil {
		t.Error(*bucket)
	}
}
