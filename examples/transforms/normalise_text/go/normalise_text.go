// Package normalisetext teaches tables that travel in the component, by way of a module.
package normalisetext

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// NormaliseText is the text in Unicode's form NFKC, with A to Z in lower case, and each run of white space as one space.
//
//skewless:transform
func NormaliseText(
	text string, // A text as somebody typed it.
) string {
	words := strings.FieldsFunc(norm.NFKC.String(text), func(letter rune) bool {
		return strings.ContainsRune(" \t\n\v\f\r", letter)
	})
	return strings.Map(lower, strings.Join(words, " "))
}

func lower(letter rune) rune {
	if 'A' <= letter && letter <= 'Z' {
		return letter + 'a' - 'A'
	}
	return letter
}
