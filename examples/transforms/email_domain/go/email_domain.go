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
	domain = strings.Map(lower, email[at+1:])
	return domain, freeMail[domain], true
}

func lower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		r += 'a' - 'A'
	}
	return r
}
