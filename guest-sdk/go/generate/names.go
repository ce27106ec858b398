package generate

import (
	"strings"
	"unicode"
)

const nameBytesMax = 64

// snakeCase is a Go name as features are named: SpendPerOrder is spend_per_order, and userID is user_id.
func snakeCase(name string) string {
	runes := []rune(name)
	var snake strings.Builder
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && runes[i-1] != '_' {
			afterLower := unicode.IsLower(runes[i-1])
			beforeLower := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if afterLower || beforeLower {
				snake.WriteByte('_')
			}
		}
		snake.WriteRune(unicode.ToLower(r))
	}
	return snake.String()
}

// isName reports whether the contract allows a name.
func isName(name string) bool {
	for i := range len(name) {
		lower, tail := name[i] >= 'a' && name[i] <= 'z', name[i] >= '0' && name[i] <= '9' || name[i] == '_'
		if !lower && (i == 0 || !tail) {
			return false
		}
	}
	return name != "" && len(name) <= nameBytesMax
}
