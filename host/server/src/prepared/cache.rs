//! Questions asked before, ready to be answered again.

use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

use skewless_store::FeatureStore;

use super::{AnswerError, Prepared};
use crate::wire::{Question, RequestText};

/// How many questions are kept. A model asks one or two; somebody who asks thousands still gets answers, each prepared
/// anew, in some tens of microseconds.
const QUESTIONS_MAX: usize = 1_000;

/// The longest text by which a question is known, in bytes: longer ones are read.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// What was prepared for one state of the store, by question. The oldest gives way when there are too many.
#[derive(Default)]
pub struct PreparedCache {
    by_question: Kept<Question>,
    by_text: Kept<String>,
}

/// What was prepared, by a key.
struct Kept<K>(RwLock<Entries<K>>);

struct Entries<K> {
    by_key: HashMap<K, Arc<Prepared>>,
    oldest_first: VecDeque<K>,
}

impl PreparedCache {
    /// What a request asks, prepared now or before. All calls must be with the same `store`.
    ///
    /// # Errors
    /// As [`RequestText::question`] and [`PreparedCache::prepare`].
    pub fn prepare_text(&self, store: &FeatureStore, request: &RequestText<'_>) -> Result<Arc<Prepared>, AnswerError> {
        let text = request.asked();
        if let Some(prepared) = self.by_text.get(&text) {
            return Ok(prepared);
        }
        let prepared = self.prepare(store, &request.question()?)?;
        if text.len() <= TEXT_BYTES_MAX {
            self.by_text.keep(text, &prepared);
        }
        Ok(prepared)
    }

    /// The question, prepared now or before. All calls must be with the same `store`.
    ///
    /// # Errors
    /// As [`Prepared::new`]; a question that can't be prepared is not remembered.
    pub fn prepare(&self, store: &FeatureStore, question: &Question) -> Result<Arc<Prepared>, AnswerError> {
        if let Some(prepared) = self.by_question.get(question) {
            return Ok(prepared);
        }
        let prepared = Arc::new(Prepared::new(store, question)?);
        self.by_question.keep(question.clone(), &prepared);
        Ok(prepared)
    }
}

// A panic can't leave half of an entry behind: each map is changed by one call that doesn't unwind.
impl<K: Hash + Eq + Clone> Kept<K> {
    fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<Arc<Prepared>>
    where
        K: Borrow<Q>,
    {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_key.get(key).map(Arc::clone)
    }

    fn keep(&self, key: K, prepared: &Arc<Prepared>) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if entries.by_key.insert(key.clone(), Arc::clone(prepared)).is_some() {
            return;
        }
        entries.oldest_first.push_back(key);
        if entries.oldest_first.len() > QUESTIONS_MAX
            && let Some(oldest) = entries.oldest_first.pop_front()
        {
            entries.by_key.remove(&oldest);
        }
    }
}

impl<K> Default for Kept<K> {
    fn default() -> Self {
        Self(RwLock::new(Entries { by_key: HashMap::new(), oldest_first: VecDeque::new() }))
    }
}

#[cfg(test)]
mod tests {
    use skewless_store::Selection;

    use super::*;
    use crate::planes::Planes;

    fn question(features: usize) -> Question {
        let selection = Selection::Features(vec!["facts:seats".parse().unwrap(); features]);
        Question { selection, full_feature_names: false }
    }

    #[tokio::test]
    async fn a_question_is_prepared_once() {
        let (planes, cache) = (Planes::new().await, PreparedCache::default());
        let first = cache.prepare(&planes.store, &question(1)).unwrap();
        assert!(Arc::ptr_eq(&first, &cache.prepare(&planes.store, &question(1)).unwrap()));
        let full = Question { full_feature_names: true, ..question(1) };
        assert!(!Arc::ptr_eq(&first, &cache.prepare(&planes.store, &full).unwrap()));
    }

    #[tokio::test]
    async fn the_oldest_question_gives_way() {
        let (planes, cache) = (Planes::new().await, PreparedCache::default());
        for features in 1..=QUESTIONS_MAX + 1 {
            cache.prepare(&planes.store, &question(features)).unwrap();
        }
        let kept = cache.by_question.0.read().unwrap();
        assert_eq!(kept.by_key.len(), QUESTIONS_MAX);
        assert_eq!(kept.oldest_first.len(), QUESTIONS_MAX);
        assert!(!kept.by_key.contains_key(&question(1)));
        assert!(kept.by_key.contains_key(&question(QUESTIONS_MAX + 1)));
    }

    #[tokio::test]
    async fn a_question_that_can_not_be_prepared_is_not_kept() {
        let (planes, cache) = (Planes::new().await, PreparedCache::default());
        let unknown = Question { selection: Selection::Service("x".into()), full_feature_names: false };
        assert!(cache.prepare(&planes.store, &unknown).is_err());
        assert!(cache.by_question.0.read().unwrap().by_key.is_empty());
    }
    #[tokio::test]
    async fn a_question_is_known_by_its_text_and_one_in_other_words_is_the_same() {
        let (planes, cache) = (Planes::new().await, PreparedCache::default());
        let prepare = |body: &str| {
            let request = RequestText::parse(body.as_bytes()).map_err(AnswerError::from)?;
            cache.prepare_text(&planes.store, &request)
        };
        let first = prepare(r#"{"features": ["facts:seats"], "entities": {"tailnum": ["N1"]}}"#).unwrap();
        let again = prepare(r#"{"entities": {"tailnum": []}, "features": ["facts:seats"]}"#).unwrap();
        let spaced = prepare(r#"{"features": [ "facts:seats"]}"#).unwrap();
        assert!(Arc::ptr_eq(&first, &again) && Arc::ptr_eq(&first, &spaced));
        let full = prepare(r#"{"features": ["facts:seats"], "full_feature_names": true}"#).unwrap();
        assert!(!Arc::ptr_eq(&first, &full));
        assert!(prepare(r#"{"feature_service": "facts:seats"}"#).is_err());
        assert_eq!(cache.by_text.0.read().unwrap().by_key.len(), 3);
        let long = format!(r#"{{"features": ["facts:seats"{}]}}"#, " ".repeat(TEXT_BYTES_MAX));
        assert!(Arc::ptr_eq(&first, &prepare(&long).unwrap()));
        assert_eq!(cache.by_text.0.read().unwrap().by_key.len(), 3, "a long text is not kept");
    }
}
