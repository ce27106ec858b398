package normalisetext

import "testing"

func TestComposedAndDecomposedAreOne(t *testing.T) {
	if one, other := NormaliseText("Cafe\u0301"), NormaliseText("caf\u00e9"); one != other {
		t.Error(one, other)
	}
}

func TestWhiteSpaceIsOneSpaceBetweenWords(t *testing.T) {
	if text := NormaliseText("\t a\u00a0\n b "); text != "a b" {
		t.Error(text)
	}
}
