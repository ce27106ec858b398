//! Cosine of the angle between two embeddings: lists of numbers, and lists that don't go together.

use skewless_sdk::{List, transform};

/// Cosine of the angle between two embeddings, from -1 to 1; null where an element is null, or all are zero.
///
/// Embeddings of different lengths are of different models: their row fails.
#[transform]
pub fn cosine_similarity(
    /// An embedding.
    query: List<'_, f32>,
    /// Another one, of the same length.
    item: List<'_, f32>,
) -> Result<Option<f64>, String> {
    if query.len() != item.len() {
        return Err(format!("the embeddings have {} and {} elements", query.len(), item.len()));
    }
    let (Some(query), Some(item)) = (query.values(), item.values()) else { return Ok(None) };
    let (mut product, mut of_query, mut of_item) = (0.0, 0.0, 0.0);
    for (q, i) in query.iter().zip(item) {
        let (q, i) = (f64::from(*q), f64::from(*i));
        product += q * i;
        of_query += q * q;
        of_item += i * i;
    }
    if of_query == 0.0 || of_item == 0.0 {
        return Ok(None);
    }
    Ok(Some(product / (of_query.sqrt() * of_item.sqrt())))
}

#[cfg(test)]
mod tests {
    use skewless_sdk::List;

    use super::cosine_similarity;

    fn cosine(query: &[f32], item: &[f32]) -> Result<Option<f64>, String> {
        cosine_similarity(List::from(query), List::from(item))
    }

    #[test]
    fn right_angles_have_none_and_the_same_direction_has_all() {
        assert_eq!(cosine(&[1.0, 0.0], &[0.0, 2.0]), Ok(Some(0.0)));
        assert_eq!(cosine(&[3.0, 4.0], &[6.0, 8.0]), Ok(Some(1.0)));
        assert_eq!(cosine(&[0.0], &[1.0]), Ok(None));
    }

    #[test]
    fn embeddings_of_different_lengths_fail() {
        assert_eq!(cosine(&[1.0], &[1.0, 2.0]), Err("the embeddings have 1 and 2 elements".to_owned()));
    }
}
