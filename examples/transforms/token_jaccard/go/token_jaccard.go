// Package tokenjaccard teaches sets without order: sorted words have one.
package tokenjaccard

import (
	"slices"
	"strings"
)

// TokenJaccard is how many words two texts share, of all their words: from 0 to 1; null where neither has one.
//
//skewless:transform
func TokenJaccard(
	query string, // A text.
	title string, // Another one.
) (tokenJaccard float64, ok bool) {
	of, in := words(query), words(title)
	shared := 0
	for _, word := range of {
		if _, found := slices.BinarySearch(in, word); found {
			shared++
		}
	}
	all := len(of) + len(in) - shared
	if all == 0 {
		return 0, false
	}
	return float64(shared) / float64(all), true
}

// words are the runs of ASCII letters and digits, in lower case, each once, sorted.
func words(text string) []string {
	words := strings.FieldsFunc(strings.Map(lower, text), func(letter rune) bool {
		return !('a' <= letter && letter <= 'z' || '0' <= letter && letter <= '9')
	})
	slices.Sort(words)
	return slices.Compact(words)
}

func lower(letter rune) rune {
	if 'A' <= letter && letter <= 'Z' {
		return letter + 'a' - 'A'
	}
	return letter
}
