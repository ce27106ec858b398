// Package cosinesimilarity teaches lists of numbers, and lists that don't go together.
package cosinesimilarity

import (
	"errors"
	"math"
	"strconv"

	"skewless"
)

// CosineSimilarity is the cosine of the angle between two embeddings, from -1 to 1; null where an element is null, or
// all are zero.
//
// Embeddings of different lengths are of different models: their row fails.
//
//skewless:transform
func CosineSimilarity(
	query skewless.List[float32], // An embedding.
	item skewless.List[float32], // Another one, of the same length.
) (*float64, error) {
	if query.Len() != item.Len() {
		lengths := strconv.Itoa(query.Len()) + " and " + strconv.Itoa(item.Len())
		return nil, errors.New("the embeddings have " + lengths + " elements")
	}
	product, ofQuery, ofItem := 0.0, 0.0, 0.0
	for n := range query.Values {
		if query.IsNull(n) || item.IsNull(n) {
			return nil, nil
		}
		q, i := float64(query.Values[n]), float64(item.Values[n])
		product += q * i
		ofQuery += q * q
		ofItem += i * i
	}
	if ofQuery == 0 || ofItem == 0 {
		return nil, nil
	}
	return new(product / (math.Sqrt(ofQuery) * math.Sqrt(ofItem))), nil
}
