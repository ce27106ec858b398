//! Questions asked before, ready to be answered again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use skewless_store::FeatureStore;

use super::{AnswerError, Prepared};
use crate::wire::Question;

/// How many questions are kept. A model asks one or two; somebody who asks thousands still gets answers, each prepared
/// anew, in some tens of microseconds.
const QUESTIONS_MAX: usize = 1_000;

/// What was prepared for one state of the store, by question. The oldest gives way when there are too many.
#[derive(Default)]
pub struct PreparedCache {
    kept: RwLock<Kept>,
}

#[derive(Default)]
struct Kept {
    by_question: HashMap<Question, Arc<Prepared>>,
    oldest_first: VecDeque<Question>,
}

impl PreparedCache {
    /// The question, prepared now or before. All calls must be with the same `store`.
    ///
    /// # Errors
    /// As [`Prepared::new`]; a question that can't be prepared is not remembered.
    pub fn prepare(&self, store: &FeatureStore, question: &Question) -> Result<Arc<Prepared>, AnswerError> {
        // A panic can't leave half of an entry behind: each map is changed by one call that doesn't unwind.
        let known = self.kept.read().unwrap_or_else(PoisonError::into_inner).by_question.get(question).map(Arc::clone);
        if let Some(prepared) = known {
            return Ok(prepared);
        }
        let prepared = Arc::new(Prepared::new(store, question)?);
        self.kept.write().unwrap_or_else(PoisonError::into_inner).keep(question, Arc::clone(&prepared));
        Ok(prepared)
    }
}

impl Kept {
    fn keep(&mut self, question: &Question, prepared: Arc<Prepared>) {
        if self.by_question.insert(question.clone(), prepared).is_some() {
            return;
        }
        self.oldest_first.push_back(question.clone());
        if self.oldest_first.len() > QUESTIONS_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.by_question.remove(&oldest);
        }
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
        let kept = cache.kept.read().unwrap();
        assert_eq!(kept.by_question.len(), QUESTIONS_MAX);
        assert_eq!(kept.oldest_first.len(), QUESTIONS_MAX);
        assert!(!kept.by_question.contains_key(&question(1)));
        assert!(kept.by_question.contains_key(&question(QUESTIONS_MAX + 1)));
    }

    #[tokio::test]
    async fn a_question_that_can_not_be_prepared_is_not_kept() {
        let (planes, cache) = (Planes::new().await, PreparedCache::default());
        let unknown = Question { selection: Selection::Service("x".into()), full_feature_names: false };
        assert!(cache.prepare(&planes.store, &unknown).is_err());
        assert!(cache.kept.read().unwrap().by_question.is_empty());
    }
}
