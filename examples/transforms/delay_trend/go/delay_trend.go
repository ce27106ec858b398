// Package delaytrend teaches lists, and a transform that takes whole columns at once.
package delaytrend

import "skewless"

// DelayTrend is the mean and slope of a list of delays, oldest first. Unknown delays are left out.
//
//skewless:transform columns
func DelayTrend(
	recentDelays skewless.Column[skewless.List[float64]], // The latest delays, in minutes, oldest first.
) (
	// Mean of the delays, in minutes; null if there is none.
	mean skewless.Column[float64],
	// Minutes by which a delay exceeds the one before it, by least squares; null if there are less than two.
	slope skewless.Column[float64],
) {
	mean, slope = skewless.NewColumn[float64](recentDelays.Len()), skewless.NewColumn[float64](recentDelays.Len())
	for row, delays := range recentDelays.Values {
		count, sum := 0.0, 0.0
		for delay := range delays.Present() {
			count, sum = count+1, sum+delay
		}
		// A row that is null has an empty list.
		if count == 0 {
			mean.SetNull(row)
		}
		if count < 2 {
			slope.SetNull(row)
		}
		mean.Values[row] = sum / count
		slope.Values[row] = trend(delays, mean.Values[row], (count-1)/2)
	}
	return mean, slope
}

func trend(delays skewless.List[float64], mean, middle float64) float64 {
	position, covariance, variance := -middle, 0.0, 0.0
	for delay := range delays.Present() {
		covariance += position * (delay - mean)
		variance += position * position
		position++
	}
	return covariance / variance
}
