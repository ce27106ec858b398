//! How much of the machine a job may use: the arguments, and what holds without them.

use std::fs;
use std::num::NonZero;

use clap::Args;
use skewless_store::historical::Resources;

/// Of the memory that is free when the job starts, what it may hold.
const SHARE_OF_MEMORY: f64 = 0.6;

/// How much a job may use.
#[derive(Args)]
#[command(next_help_heading = "Resources")]
pub(crate) struct ResourceArguments {
    /// How much memory to hold before going to disk, such as 2GiB or 500MB [default: 60 % of what is free]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    memory_limit: Option<usize>,
    /// How many threads work at the same time [default: one for each processor]
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
    /// Rows of a batch
    #[arg(long, value_name = "ROWS", default_value = "8192")]
    batch_size: NonZero<usize>,
}

impl ResourceArguments {
    pub(crate) fn resources(&self) -> Resources {
        let threads = self.threads.map_or_else(|| Resources::default().threads, NonZero::get);
        let memory_bytes = self.memory_limit.or_else(free_memory);
        Resources { threads, memory_bytes, batch_rows: self.batch_size.get() }
    }
}

/// What of the free memory a job may hold, where the system says how much there is.
fn free_memory() -> Option<usize> {
    let system = fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text));
    let container = container_memory();
    let free = system.into_iter().chain(container).min()?;
    Some((free as f64 * SHARE_OF_MEMORY) as usize)
}

/// What a container's limit leaves (control groups, version 2).
fn container_memory() -> Option<usize> {
    let number = |name| fs::read_to_string(name).ok()?.trim().parse::<usize>().ok();
    let (limit, used) = (number("/sys/fs/cgroup/memory.max")?, number("/sys/fs/cgroup/memory.current")?);
    Some(limit.saturating_sub(used))
}

fn available(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()? * 1024)
}

/// Reads `2GiB`, `500MB`, `1.5g`, or a number of bytes.
fn parse_size(text: &str) -> Result<usize, String> {
    let units = [("", 1_u64), ("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30), ("t", 1 << 40)];
    let decimal = [("kb", 1_000_u64), ("mb", 1_000_000), ("gb", 1_000_000_000), ("tb", 1_000_000_000_000)];
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|letter: char| letter.is_ascii_alphabetic() || letter == ' ');
    let unit = lower[digits.len()..].trim();
    let bytes = decimal.into_iter().find(|(name, _)| *name == unit).or_else(|| {
        let unit = unit.trim_end_matches("ib");
        units.into_iter().find(|(name, _)| *name == unit || (name.is_empty() && unit == "b"))
    });
    let number: f64 = digits.parse().map_err(|_| refused(text))?;
    let (_, bytes) = bytes.ok_or_else(|| refused(text))?;
    let size = number * bytes as f64;
    if size >= 1.0 && size < usize::MAX as f64 { Ok(size as usize) } else { Err(refused(text)) }
}

fn refused(text: &str) -> String {
    format!("`{text}` is no size: write a number with a unit, such as 2GiB, 500MB or 1.5G")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_the_units_people_use() {
        for (text, bytes) in [
            ("1", 1),
            ("512b", 512),
            ("2GiB", 2 << 30),
            ("1.5g", 3 << 29),
            ("500MB", 500_000_000),
            ("64 KiB", 65_536),
            ("3k", 3_072),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "G", "-1G", "0", "2 parsecs", "1e99T", "NaN"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn free_memory_is_what_the_system_calls_available() {
        assert_eq!(available("MemTotal: 100 kB\nMemAvailable:   2048 kB\n"), Some(2 << 20));
        assert_eq!(available("MemTotal: 100 kB\n"), None);
    }
}
