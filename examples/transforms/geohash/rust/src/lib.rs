//! Geohash: a row that can't be computed fails, and says why.

use skewless_sdk::{Features, transform};

const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// Two cells around a point.
#[derive(Debug, PartialEq, Features)]
pub struct Geohash {
    /// The cell in 9 letters and digits, some 5 m wide.
    pub geohash: String,
    /// The cell around it in 5, some 5 km wide.
    pub neighbourhood: String,
}

/// The cell of a grid over the earth that a point lies in, as a geohash.
///
/// # Errors
/// A point off the grid fails its row.
#[transform]
pub fn geohash(
    /// Degrees north, from -90 to 90.
    latitude: f64,
    /// Degrees east, from -180 to 180.
    longitude: f64,
) -> Result<Geohash, &'static str> {
    // Also false for a NaN.
    if !(latitude.abs() <= 90.0 && longitude.abs() <= 180.0) {
        return Err("the point is not on the earth");
    }
    let (mut latitudes, mut longitudes) = ([-90.0, 90.0], [-180.0, 180.0]);
    let mut geohash = String::with_capacity(9);
    for letter in 0..9 {
        let mut place = 0;
        for bit in 0..5 {
            // Longitude and latitude take turns, from the first bit of the first letter on.
            let of_longitude = (5 * letter + bit) % 2 == 0;
            let upper = if of_longitude { halve(&mut longitudes, longitude) } else { halve(&mut latitudes, latitude) };
            place = place << 1 | usize::from(upper);
        }
        geohash.push(ALPHABET[place] as char);
    }
    Ok(Geohash { neighbourhood: geohash[..5].to_owned(), geohash })
}

/// Cuts a range to the half that `value` lies in; whether that is the upper one.
fn halve(range: &mut [f64; 2], value: f64) -> bool {
    let middle = (range[0] + range[1]) / 2.0;
    let upper = value >= middle;
    range[usize::from(!upper)] = middle;
    upper
}

#[cfg(test)]
mod tests {
    use super::geohash;

    #[test]
    fn a_point_has_a_cell_and_a_coarser_one() {
        let cells = geohash(57.64911, 10.40744).unwrap();
        assert_eq!((cells.geohash.as_str(), cells.neighbourhood.as_str()), ("u4pruydqq", "u4pru"));
    }

    #[test]
    fn a_point_that_is_nowhere_fails() {
        assert!(geohash(90.1, 0.0).is_err() && geohash(0.0, -180.1).is_err() && geohash(f64::NAN, 0.0).is_err());
    }
}
