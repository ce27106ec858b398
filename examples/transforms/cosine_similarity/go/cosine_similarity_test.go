package cosinesimilarity

import (
	"testing"

	"skewless"
)

func list(values ...float32) skewless.List[float32] {
	return skewless.List[float32]{Values: values}
}

func TestRightAnglesHaveNoneAndTheSameDirectionHasAll(t *testing.T) {
	if cosine, err := CosineSimilarity(list(1, 0), list(0, 2)); err != nil || *cosine != 0 {
		t.Error(cosine, err)
	}
	if cosine, err := CosineSimilarity(list(3, 4), list(6, 8)); err != nil || *cosine != 1 {
		t.Error(cosine, err)
	}
	if cosine, err := CosineSimilarity(list(0), list(1)); err != nil || cosine != nil {
		t.Error(cosine, err)
	}
}

func TestEmbeddingsOfDifferentLengthsFail(t *testing.T) {
	_, err := CosineSimilarity(list(1), list(1, 2))
	if err == nil || err.Error() != "the embeddings have 1 and 2 elements" {
		t.Error(err)
	}
}
