package jsonfield

import (
	"strings"
	"testing"
)

func TestFieldsAreFoundByTheirPath(t *testing.T) {
	country, age := JsonField(`{"user": {"age": 30, "address": {"country": "NZ"}}}`)
	if country == nil || *country != "NZ" || age == nil || *age != 30 {
		t.Error(country, age)
	}
}

func TestWhatIsNoJsonHasNoFields(t *testing.T) {
	if country, age := JsonField(`{"user":`); country != nil || age != nil {
		t.Error(country, age)
	}
}

func TestADocumentThatNestsThousandsDeepHasNoFields(t *testing.T) {
	deep := strings.Repeat("[", 9000) + strings.Repeat("]", 9000)
	if country, age := JsonField(`{"user": {"age": 30}, "x": ` + deep + `}`); country != nil || age != nil {
		t.Error(country, age)
	}
}

func TestAHalfOfASurrogatePairIsNoText(t *testing.T) {
	for _, half := range []string{`\ud83d`, `\ude00`, `\ude00\ud83d`, `\ud83d\n`} {
		if country, _ := JsonField(`{"user": {"address": {"country": "` + half + `"}}}`); country != nil {
			t.Error(half, *country)
		}
	}
}
