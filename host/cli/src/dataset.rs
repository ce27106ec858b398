//! A file of rows, described: its columns in numbers and small pictures, and what made it.

use skewless_store::Provenance;
use skewless_store::statistics::{ColumnStatistics, DescribedColumn, TableStatistics};

use crate::output::Output;
use crate::table::{Table, counted, grouped, percent};

/// The bars of a histogram, from nothing to the tallest.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Texts are cut here.
const TEXT_MAX: usize = 24;

pub(crate) fn told(table: &TableStatistics, output: &Output) -> String {
    let columns = counted(table.columns.len() as u64, "column", "columns");
    let rows = counted(table.rows, "row", "rows");
    let mut text = format!("{}: {rows}, {columns}\n", output.bold(&table.path));
    if let Some(provenance) = &table.provenance {
        text += &origin(provenance);
    }
    text += &format!("\n{}", values(table));
    let causes = causes(table);
    if !causes.is_empty() {
        text += &format!("\n{causes}");
    }
    let top = top(table);
    if !top.is_empty() {
        text += &format!("\n{top}");
    }
    text
}

fn origin(provenance: &Provenance) -> String {
    let Provenance { project, registry_commit, feature_service, engine, command_line, components, .. } = provenance;
    let of = feature_service.as_ref().map_or_else(String::new, |service| format!(", feature service {service}"));
    let mut text = format!("made by {engine} from commit {registry_commit} of project {project}{of}\n");
    text += &format!("  {command_line}\n");
    for component in components {
        let certified = if component.certificate.as_ref().is_some_and(|certificate| certificate.passed) {
            "certified"
        } else {
            "not certified"
        };
        text += &format!("  {} {}, {certified}\n", component.transform, component.digest);
    }
    text
}

fn values(table: &TableStatistics) -> String {
    let headings =
        ["column", "type", ">null", ">", ">distinct", ">min", ">5 %", ">median", ">mean", ">95 %", ">max", ""];
    let rows = table.columns.iter().map(|DescribedColumn { statistics, .. }| {
        let quantile = |place: usize| statistics.quantiles.get(place).map(|value| number(*value)).unwrap_or_default();
        [
            statistics.name.clone(),
            statistics.data_type.clone(),
            grouped(statistics.nulls),
            percent(statistics.nulls, table.rows),
            statistics.distinct.map(|distinct| format!("~{}", grouped(distinct))).unwrap_or_default(),
            bound(statistics, &statistics.min),
            quantile(0),
            quantile(2),
            statistics.mean.map(number).unwrap_or_default(),
            quantile(4),
            bound(statistics, &statistics.max),
            histogram(&statistics.histogram),
        ]
    });
    Table::new(headings).with_rows(rows).to_string()
}

/// The least or greatest value, short.
fn bound(column: &ColumnStatistics, value: &Option<String>) -> String {
    let Some(value) = value else { return String::new() };
    match value.parse::<f64>() {
        Ok(value) if !column.quantiles.is_empty() => number(value),
        _ => cut(value),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A number with as many digits as one looks at.
fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-3..1e7).contains(&size) {
        let text = format!("{value:.3}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    format!("{value:.3e}")
}

fn histogram(counts: &[u64]) -> String {
    let tallest = counts.iter().copied().max().unwrap_or_default().max(1);
    // What is there at all is seen.
    let bar = |count: &u64| BARS[(count * (BARS.len() as u64 - 1)).div_ceil(tallest) as usize];
    counts.iter().map(bar).collect()
}

/// Why the values of features are missing.
fn causes(table: &TableStatistics) -> String {
    let features: Vec<_> =
        table.columns.iter().filter_map(|column| Some((&column.statistics.name, column.causes?))).collect();
    if features.is_empty() {
        return String::new();
    }
    let headings = ["nulls by cause", ">not found", ">", ">too old", ">", ">stored or computed", ">", ">failed", ">"];
    let rows = features.into_iter().map(|(name, causes)| {
        let share = |part| percent(part, table.rows);
        [
            name.clone(),
            grouped(causes.not_found),
            share(causes.not_found),
            grouped(causes.outside_max_age),
            share(causes.outside_max_age),
            grouped(causes.null_value),
            share(causes.null_value),
            grouped(causes.invalid),
            share(causes.invalid),
        ]
    });
    Table::new(headings).with_rows(rows).to_string()
}

/// The values that occur most, of columns in which some occur more than once.
fn top(table: &TableStatistics) -> String {
    let columns = table.columns.iter().map(|column| &column.statistics);
    let columns = columns.filter(|column| column.top.first().is_some_and(|top| top.count > 1));
    let rows: Vec<[String; 2]> = columns
        .map(|column| {
            let value = |top: &skewless_store::statistics::TopValue| {
                format!("{} {}", cut(&top.value), percent(top.count, table.rows).trim())
            };
            [column.name.clone(), column.top.iter().map(value).collect::<Vec<_>>().join(", ")]
        })
        .collect();
    if rows.is_empty() { String::new() } else { Table::new(["most frequent", ""]).with_rows(rows).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_shows_whatever_is_there() {
        assert_eq!(histogram(&[0, 1, 500, 1000]), " ▁▄█");
        assert_eq!(histogram(&[]), "");
        assert_eq!(histogram(&[0, 0]), "  ");
    }

    #[test]
    fn numbers_are_as_long_as_one_looks() {
        let texts: Vec<String> = [0.0, 1.0, -2.5, 1234.56789, 1e-9, 1e300].map(number).to_vec();
        assert_eq!(texts, ["0", "1", "-2.5", "1234.568", "1.000e-9", "1.000e300"]);
        assert_eq!(cut("é".repeat(30).as_str()), format!("{}…", "é".repeat(24)));
    }
}
