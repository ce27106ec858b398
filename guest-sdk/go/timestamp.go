package skewless

import "errors"

const (
	microsPerSecond = 1_000_000
	microsPerDay    = 86_400 * microsPerSecond
)

// Timestamp is an instant: microseconds since 1970-01-01T00:00:00 UTC, leap seconds not counted.
//
// All questions are answered in UTC, in the Gregorian calendar.
type Timestamp int64

// MicrosSince returns the microseconds from earlier to this instant, negative if it lies before earlier; it stops at the
// ends of int64.
func (t Timestamp) MicrosSince(earlier Timestamp) int64 {
	difference := int64(t) - int64(earlier)
	switch {
	case earlier < 0 && difference < int64(t):
		return 1<<63 - 1
	case earlier > 0 && difference > int64(t):
		return -1 << 63
	}
	return difference
}

// MicrosOfDay returns the microseconds since midnight.
func (t Timestamp) MicrosOfDay() int64 {
	return remainder(int64(t), microsPerDay)
}

// Weekday returns the day of the week, 0 for Monday to 6 for Sunday.
func (t Timestamp) Weekday() int64 {
	// 1970-01-01 was a Thursday.
	return remainder(quotient(int64(t), microsPerDay)+3, 7)
}

// Year returns the year.
func (t Timestamp) Year() int64 {
	year, _, _ := t.date()
	return year
}

// Month returns the month, from 1 to 12.
func (t Timestamp) Month() int64 {
	_, month, _ := t.date()
	return month
}

// Day returns the day of the month, from 1 to 31.
func (t Timestamp) Day() int64 {
	_, _, day := t.date()
	return day
}

// String writes the instant as RFC 3339 does, such as 2013-01-31T17:05:00Z, with six decimals of a second where it has
// any.
func (t Timestamp) String() string {
	year, month, day := t.date()
	text := make([]byte, 0, 32)
	switch {
	case year < 0:
		text = digits(append(text, '-'), -year, 6)
	case year > 9999:
		text = digits(append(text, '+'), year, 6)
	default:
		text = digits(text, year, 4)
	}
	seconds := t.MicrosOfDay() / microsPerSecond
	text = digits(append(text, '-'), month, 2)
	text = digits(append(text, '-'), day, 2)
	text = digits(append(text, 'T'), seconds/3600, 2)
	text = digits(append(text, ':'), seconds/60%60, 2)
	text = digits(append(text, ':'), seconds%60, 2)
	if micros := remainder(int64(t), microsPerSecond); micros != 0 {
		text = digits(append(text, '.'), micros, 6)
	}
	return string(append(text, 'Z'))
}

// ParseTimestamp reads an instant such as 2013-01-31T17:05:00Z, with up to six decimals of a second.
func ParseTimestamp(text string) (Timestamp, error) {
	reader := reader{rest: text}
	year, month, day := reader.number(4, '-'), reader.number(2, '-'), reader.number(2, 'T')
	hour, minute, second := reader.number(2, ':'), reader.number(2, ':'), reader.number(2, 0)
	micros := reader.fraction()
	midnight := midnight(year, month, day)
	actualYear, actualMonth, actualDay := midnight.date()
	exists := month >= 1 && month <= 12 && actualYear == year && actualMonth == month && actualDay == day
	if reader.failed || reader.rest != "Z" || !exists || hour > 23 || minute > 59 || second > 59 {
		return 0, errors.New("`" + text + "` is not an instant in UTC: write it like 2013-01-31T17:05:00Z")
	}
	return midnight + Timestamp(((hour*60+minute)*60+second)*microsPerSecond+micros), nil
}

// date counts years from March in eras of 400 years, so that the leap day comes last.
func (t Timestamp) date() (year, month, day int64) {
	days := quotient(int64(t), microsPerDay) + 719_468
	era, dayOfEra := quotient(days, 146_097), remainder(days, 146_097)
	yearOfEra := (dayOfEra - dayOfEra/1_460 + dayOfEra/36_524 - dayOfEra/146_096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	monthsFromMarch := (5*dayOfYear + 2) / 153
	day = dayOfYear - (153*monthsFromMarch+2)/5 + 1
	month = (monthsFromMarch+2)%12 + 1
	year = era*400 + yearOfEra
	if month <= 2 {
		year++
	}
	return year, month, day
}

// midnight is the inverse of date for days that exist.
func midnight(year, month, day int64) Timestamp {
	if month <= 2 {
		year--
	}
	era, yearOfEra := quotient(year, 400), remainder(year, 400)
	dayOfYear := (153*((month+9)%12)+2)/5 + day - 1
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return Timestamp((era*146_097 + dayOfEra - 719_468) * microsPerDay)
}

// quotient divides and rounds down.
func quotient(a, b int64) int64 {
	if a%b < 0 {
		return a/b - 1
	}
	return a / b
}

// remainder is what quotient leaves, never negative.
func remainder(a, b int64) int64 {
	if a%b < 0 {
		return a%b + b
	}
	return a % b
}

// digits appends a number that is not negative, with zeroes in front up to a width.
func digits(text []byte, number int64, width int) []byte {
	var reversed [20]byte
	count := 0
	for ; number > 0 || count < width; number /= 10 {
		reversed[count] = byte('0' + number%10)
		count++
	}
	for ; count > 0; count-- {
		text = append(text, reversed[count-1])
	}
	return text
}

// reader takes numbers from the front of a text.
type reader struct {
	rest   string
	failed bool
}

// number takes so many digits, and what must follow them.
func (r *reader) number(width int, follows byte) int64 {
	var number int64
	for range width {
		number = number*10 + int64(r.digit())
	}
	if follows != 0 {
		r.failed = r.failed || r.rest == "" || r.rest[0] != follows
		if !r.failed {
			r.rest = r.rest[1:]
		}
	}
	return number
}

// fraction takes up to six decimals of a second, as microseconds.
func (r *reader) fraction() int64 {
	if r.failed || r.rest == "" || r.rest[0] != '.' {
		return 0
	}
	r.rest = r.rest[1:]
	number, scale := int64(r.digit()), int64(microsPerSecond/10)
	for ; scale > 1 && !r.failed && r.rest != "" && r.rest[0] != 'Z'; scale /= 10 {
		number = number*10 + int64(r.digit())
	}
	return number * scale
}

func (r *reader) digit() byte {
	if r.failed || r.rest == "" || r.rest[0] < '0' || r.rest[0] > '9' {
		r.failed = true
		return 0
	}
	digit := r.rest[0] - '0'
	r.rest = r.rest[1:]
	return digit
}
