// Package minutessince teaches the instant of the question as an input: a transform has no clock.
package minutessince

import "skewless"

const microsPerMinute = 60e6

// MinutesSince is the minutes from an earlier event to time, null where there was none; negative if the event lies
// ahead.
//
//skewless:transform
func MinutesSince(
	since *skewless.Timestamp, // The earlier event.
	time skewless.Timestamp, // The instant from which to look back.
) *float64 {
	if since == nil {
		return nil
	}
	return new(float64(time.MicrosSince(*since)) / microsPerMinute)
}
