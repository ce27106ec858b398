// Package jsonfield teaches documents in a column: what is not there, or something else, is null.
package jsonfield

import (
	"encoding/json"
	"math"
)

// The whole numbers below it are those that a float64 is sure to be.
const exactEnd = 1 << 53

// JsonField is country and age of the user that a JSON document tells of; null where it tells nothing of the kind.
//
//skewless:transform
func JsonField(
	document string, // A JSON document.
) (
	country *string, // The text at `user.address.country`.
	age *int64, // The whole number at `user.age`.
) {
	var found any
	if json.Unmarshal([]byte(document), &found) != nil {
		return nil, nil
	}
	user := field(found, "user")
	if text, ok := field(field(user, "address"), "country").(string); ok {
		country = &text
	}
	if number, ok := field(user, "age").(float64); ok && number == math.Trunc(number) && math.Abs(number) < exactEnd {
		age = new(int64(number))
	}
	return country, age
}

// field is what an object has under name; nil where it has nothing, or is none.
func field(object any, name string) any {
	fields, _ := object.(map[string]any)
	return fields[name]
}
