// Package emaildomain teaches strings, and outputs that are null together.
package emaildomain

import "strings"

// Providers whose addresses say nothing about an employer.
var freeMail = map[string]bool{
	"aol.com":     true,
	"gmail.com":   true,
	"gmx.de":      true,
	"hotmail.com": true,
	"icloud.com":  true,
	"outlook.com": true,
	"proton.me":   true,
	"yahoo.com":   true,
}

// EmailDomain is the domain of an e-mail address, and whether it is a free provider's; null where there is no domain.
//
//skewless:transform
func EmailDomain(
	email string, // The address.
) (
	domain string, // What follows the last `@`, with A to Z in lower case.
	isFreeMail bool, // Whether the domain is a free provider's.
	ok bool,
) {
	at := strings.LastIndexByte(email, '@')
	if at < 0 || at == len(email)-1 {
		return "", false, false
	}
	domain = lower(email[at+1:])
	return domain, freeMail[domain], true
}

// lower writes A to Z in lower case, and leaves other letters: what is lower case there changes with Unicode.
func lower(text string) string {
	lowered := []byte(text)
	for i, letter := range lowered {
		if 'A' <= letter && letter <= 'Z' {
			lowered[i] = letter + 'a' - 'A'
		}
	}
	return string(lowered)
}
