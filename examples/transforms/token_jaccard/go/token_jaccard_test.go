package tokenjaccard

import "testing"

func TestTwoOfThreeWordsAreShared(t *testing.T) {
	if share, ok := TokenJaccard("red shoes", "Shoes: running, RED"); share != 2.0/3.0 || !ok {
		t.Error(share, ok)
	}
}

func TestNothingIsSharedByTextsWithoutWords(t *testing.T) {
	if share, ok := TokenJaccard("", "…"); ok {
		t.Error(share)
	}
}
