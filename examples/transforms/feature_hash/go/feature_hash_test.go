package featurehash

import "testing"

func TestHashesAreThoseOfThePublishedTestVectors(t *testing.T) {
	for text, expected := range map[string]uint32{"": 0x811C_9DC5, "a": 0xE40C_292C, "foobar": 0xBF9C_F968} {
		if hash := fnv1a(fnvStart, text); hash != expected {
			t.Errorf("%q: %x", text, hash)
		}
	}
}

func TestACrossKnowsWhereOneValueEnds(t *testing.T) {
	_, one := FeatureHash("ab", "c")
	_, other := FeatureHash("a", "bc")
	if one == other {
		t.Error(one)
	}
}
