//! Trend of recent delays: lists, and a transform that takes whole columns at once.

use skewless_sdk::{Column, Features, List, transform};

/// One element a row for each output.
#[derive(Debug, Features)]
pub struct DelayTrend {
    /// Mean of the delays, in minutes; null if there is none.
    pub mean: Vec<Option<f64>>,
    /// Minutes by which a delay exceeds the one before it, by least squares; null if there are less than two.
    pub slope: Vec<Option<f64>>,
}

/// Mean and slope of a list of delays, oldest first. Unknown delays are left out.
#[transform(columns)]
pub fn delay_trend(
    /// The latest delays, in minutes, oldest first.
    recent_delays: Column<'_, Option<List<'_, f64>>>,
) -> DelayTrend {
    let (mean, slope) = recent_delays.iter().map(|delays| delays.map_or((None, None), trend)).unzip();
    DelayTrend { mean, slope }
}

fn trend(delays: List<'_, f64>) -> (Option<f64>, Option<f64>) {
    let count = delays.iter().flatten().count() as f64;
    if count == 0.0 {
        return (None, None);
    }
    let mean = delays.iter().flatten().sum::<f64>() / count;
    let middle = (count - 1.0) / 2.0;
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (position, delay) in delays.iter().flatten().enumerate() {
        let distance = position as f64 - middle;
        covariance += distance * (delay - mean);
        variance += distance * distance;
    }
    (Some(mean), (count > 1.0).then(|| covariance / variance))
}

#[cfg(test)]
mod tests {
    use skewless_sdk::testing;

    use super::delay_trend;

    #[test]
    fn each_list_has_its_own_trend() {
        let lists = [Some(vec![Some(10.0), Some(20.0), Some(30.0)]), Some(vec![Some(5.0)]), Some(vec![]), None];
        let trend = delay_trend(testing::view(4, &testing::column(lists)));
        assert_eq!(trend.mean, [Some(20.0), Some(5.0), None, None]);
        assert_eq!(trend.slope, [Some(10.0), None, None, None]);
    }

    #[test]
    fn unknown_delays_are_left_out() {
        let lists = [vec![Some(4.0), None, Some(0.0)], vec![None]];
        let trend = delay_trend(testing::view(2, &testing::column(lists)));
        assert_eq!((trend.mean, trend.slope), (vec![Some(2.0), None], vec![Some(-4.0), None]));
    }
}
