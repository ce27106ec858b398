package emaildomain

import "testing"

func TestWhatFollowsTheLastAtIsTheDomain(t *testing.T) {
	domain, isFreeMail, ok := EmailDomain(`"a@b"@GMail.com`)
	if domain != "gmail.com" || !isFreeMail || !ok {
		t.Error(domain, isFreeMail, ok)
	}
}

func TestAnAddressWithoutADomainHasNone(t *testing.T) {
	for _, email := range []string{"", "nobody", "nobody@"} {
		if domain, _, ok := EmailDomain(email); ok {
			t.Error(domain)
		}
	}
}
