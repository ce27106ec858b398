module transforms/normalise_text

go 1.26.0

require (
	golang.org/x/text v0.43.0
	skewless v0.1.0
)

replace skewless => ../../../../guest-sdk/go
