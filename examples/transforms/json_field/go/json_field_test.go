package jsonfield

import "testing"

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
