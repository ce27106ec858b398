//! How time is taken: samples of many calls, those of all contenders in turn, so that whatever else the machine does
//! meets all of them.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::agreement::Values;
use crate::options::Options;

/// Somebody who computes one function of one batch.
pub(crate) struct Contender<'a> {
    pub(crate) name: String,
    /// what it computes, to be compared before anything is timed
    pub(crate) values: Values,
    /// makes so many calls and says how long they took together
    run: Box<dyn FnMut(u32) -> Result<Duration> + 'a>,
}

impl<'a> Contender<'a> {
    /// One that is called from this process. `call` does everything a caller needs, and drops what it made.
    pub(crate) fn new(name: impl Into<String>, values: Values, mut call: impl FnMut() -> Result<()> + 'a) -> Self {
        let run = move |calls| {
            let started = Instant::now();
            for _ in 0..calls {
                call()?;
            }
            Ok(started.elapsed())
        };
        Self::with_clock(name, values, run)
    }

    /// One that takes its time itself.
    pub(crate) fn with_clock(
        name: impl Into<String>,
        values: Values,
        run: impl FnMut(u32) -> Result<Duration> + 'a,
    ) -> Self {
        Self { name: name.into(), values, run: Box::new(run) }
    }
}

/// How long one call took, over all samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) median_us: f64,
    pub(crate) min_us: f64,
}

/// Times all contenders: a sample of the first, a sample of the second, and so on, round after round.
pub(crate) fn measure(contenders: &mut [Contender<'_>], options: &Options) -> Result<Vec<Figure>> {
    let calls: Vec<u32> =
        contenders.iter_mut().map(|contender| calls_of_a_sample(contender, options)).collect::<Result<_>>()?;
    let mut samples = vec![Vec::with_capacity(options.samples); contenders.len()];
    for _ in 0..options.samples {
        for ((contender, calls), samples) in contenders.iter_mut().zip(&calls).zip(&mut samples) {
            samples.push((contender.run)(*calls)?.as_secs_f64() * 1e6 / f64::from(*calls));
        }
    }
    Ok(samples.into_iter().map(figure).collect())
}

/// How many calls fill a sample. Finding out warms up what there is to warm up.
fn calls_of_a_sample(contender: &mut Contender<'_>, options: &Options) -> Result<u32> {
    let mut calls = 1_u32;
    while (contender.run)(calls)? < options.sample_time {
        calls = calls.saturating_mul(2);
    }
    Ok(calls)
}

fn figure(mut samples: Vec<f64>) -> Figure {
    samples.sort_by(f64::total_cmp);
    Figure { median_us: samples[samples.len() / 2], min_us: samples[0] }
}
