//! Age of a plane: a row that can't be right fails, and spares the others.

use skewless_sdk::{Timestamp, transform};

/// Age of a plane in calendar years, null where its year of manufacture is unknown.
///
/// A plane that is built after `time` is a mistake in the data: its row fails.
#[transform]
pub fn plane_age(
    /// Year in which the plane was built.
    manufactured_year: Option<i64>,
    /// The instant at which to tell the age.
    time: Timestamp,
) -> Result<Option<i64>, String> {
    let Some(manufactured_year) = manufactured_year else { return Ok(None) };
    if manufactured_year > time.year() {
        return Err(format!("the plane was built in {manufactured_year}, after {time}"));
    }
    Ok(Some(time.year().saturating_sub(manufactured_year)))
}

#[cfg(test)]
mod tests {
    use super::plane_age;

    #[test]
    fn counts_calendar_years() {
        let new_years_eve = "2013-12-31T23:59:59Z".parse().unwrap();
        assert_eq!(plane_age(Some(1999), new_years_eve), Ok(Some(14)));
        assert_eq!(plane_age(Some(2013), new_years_eve), Ok(Some(0)));
        assert_eq!(plane_age(None, new_years_eve), Ok(None));
    }

    #[test]
    fn a_plane_from_the_future_fails() {
        let reason = plane_age(Some(2014), "2013-01-01T05:00:00Z".parse().unwrap()).unwrap_err();
        assert_eq!(reason, "the plane was built in 2014, after 2013-01-01T05:00:00Z");
    }
}
