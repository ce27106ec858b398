//! Reports as one HTML file that needs nothing else: style and plots are in it, scripts are not.

use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::failure::{Failure, Result};
use crate::feature_log::rounded;
use crate::table::grouped;

const STYLE: &str = "
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1f24; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; } h3 { font-size: 1rem; }
table { border-collapse: collapse; margin: .8rem 0; font-size: .9rem; }
th, td { padding: .25rem .8rem .25rem 0; text-align: left; border-bottom: 1px solid #e3e6ea; vertical-align: top; }
th { color: #57606a; font-weight: 600; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
code { font: .85rem ui-monospace, monospace; overflow-wrap: anywhere; }
.verdict { padding: .6rem 1rem; border-left: 4px solid; background: #f6f8fa; }
.good { border-color: #1a7f37; } .bad { border-color: #cf222e; }
svg text { font: 12px system-ui, sans-serif; fill: #1b1f24; } svg .muted { fill: #57606a; }
";

/// Writes a page to `path`.
pub(crate) fn write(path: &Path, title: &str, body: &Markup) -> Result<()> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { h1 { (title) } (body) }
        }
    };
    std::fs::write(path, page.into_string()).map_err(|error| Failure::file("write", path, &error))
}

/// What it comes to, in a sentence.
pub(crate) fn verdict(good: bool, text: &str) -> Markup {
    html! { p class=(if good { "verdict good" } else { "verdict bad" }) { (text) } }
}

/// A table; a heading that starts with `>` stands over numbers.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> Markup {
    let class = |heading: &str| heading.starts_with('>').then_some("n");
    html! {
        table {
            thead { tr { @for heading in headings { th class=[class(heading)] { (heading.trim_start_matches('>')) } } } }
            tbody {
                @for row in rows {
                    tr { @for (heading, cell) in headings.iter().zip(row) { td class=[class(heading)] { (cell) } } }
                }
            }
        }
    }
}

/// A bar: what it is called, its length, and what to write behind it.
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: f64,
    pub(crate) text: String,
}

/// Bars beneath each other, the longest as long as there is room.
pub(crate) fn bars(bars: &[Bar]) -> Markup {
    const ROW: usize = 22;
    let longest = bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
    let height = bars.len() * ROW + 4;
    html! {
        svg width="760" height=(height) viewBox=(format!("0 0 760 {height}")) role="img" {
            @for (place, bar) in bars.iter().enumerate() {
                @let y = place * ROW;
                @let width = (bar.value / longest * 340.0).max(1.0);
                text x="270" y=(y + 15) text-anchor="end" { (bar.label) }
                rect x="280" y=(y + 4) width=(format!("{width:.1}")) height="14" fill="#0969da" {}
                text.muted x=(format!("{:.1}", 288.0 + width)) y=(y + 15) { (bar.text) }
            }
        }
    }
}

/// How many values are of which size: a column for each doubling.
pub(crate) fn histogram(counted: &[(f64, u64)]) -> Markup {
    let mut columns: Vec<(i32, u64)> = Vec::new();
    for (size, count) in counted.iter().filter(|(size, _)| size.is_finite() && *size > 0.0) {
        let doubling = size.log2().floor() as i32;
        match columns.last_mut() {
            Some((last, sum)) if *last == doubling => *sum += count,
            _ => columns.push((doubling, *count)),
        }
    }
    let (Some((first, _)), Some((last, _))) = (columns.first(), columns.last()) else { return html! {} };
    let (first, slots) = (*first, f64::from(last - first + 1));
    let width = (680.0 / slots).min(40.0);
    let most = columns.iter().map(|(_, count)| *count).max().unwrap_or(1) as f64;
    html! {
        svg width="760" height="150" viewBox="0 0 760 150" role="img" {
            @for (doubling, count) in &columns {
                @let height = (*count as f64 / most * 100.0).max(1.0);
                @let x = 40.0 + f64::from(doubling - first) * width;
                rect x=(format!("{x:.1}")) y=(format!("{:.1}", 115.0 - height)) width=(format!("{:.1}", width * 0.9))
                    height=(format!("{height:.1}")) fill="#0969da" {
                    title { (grouped(*count)) " around " (rounded(2_f64.powi(*doubling) * 1.5)) }
                }
            }
            line x1="40" y1="115" x2="740" y2="115" stroke="#8c959f" {}
            text.muted x="40" y="132" { (rounded(2_f64.powi(first))) }
            text.muted x=(format!("{:.1}", 40.0 + slots * width)) y="132" text-anchor="end" { (rounded(2_f64.powi(*last + 1))) }
            text.muted x="40" y="148" { "size of the change, doubling from column to column" }
        }
    }
}
