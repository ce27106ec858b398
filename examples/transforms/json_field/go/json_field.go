// Package jsonfield teaches documents in a column: what is not there, or something else, is null.
package jsonfield

import (
	"encoding/json"
	"math"
	"strconv"
)

// The whole numbers below it are those that a float64 is sure to be.
const exactEnd = 1 << 53

// How deep arrays and objects may lie in one another. The reader would go on until the stack ends, and the call with it.
const depthMax = 127

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
	if !readable(document) || json.Unmarshal([]byte(document), &found) != nil {
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

// readable is whether a document nests at most depthMax deep, and escapes no half of a surrogate pair, for which the
// reader would put another character. It finds the strings in what is JSON; the reader refuses the rest.
func readable(document string) bool {
	depth := 0
	for at := 0; at < len(document); at++ {
		switch document[at] {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case '"':
			end, whole := stringEnd(document, at+1)
			if !whole {
				return false
			}
			at = end
		}
		if depth > depthMax {
			return false
		}
	}
	return true
}

// stringEnd is the place of the quote that ends the string whose text begins at a place, and whether every high half of
// a surrogate pair that it escapes is followed by a low one, and no low one stands alone.
func stringEnd(document string, at int) (end int, whole bool) {
	afterHigh := false
	for at < len(document) && document[at] != '"' {
		unit, width := character(document[at:])
		if isLow := 0xdc00 <= unit && unit < 0xe000; isLow != afterHigh {
			return at, false
		}
		afterHigh = 0xd800 <= unit && unit < 0xdc00
		at += width
	}
	return at, !afterHigh
}

// character is the UTF-16 unit that a text begins with an escape of, or 0 where it begins with anything else, and how
// many bytes that takes.
func character(text string) (unit uint64, width int) {
	if text[0] != '\\' {
		return 0, 1
	}
	if len(text) >= 6 && text[1] == 'u' {
		if unit, err := strconv.ParseUint(text[2:6], 16, 16); err == nil {
			return unit, 6
		}
	}
	return 0, 2
}
