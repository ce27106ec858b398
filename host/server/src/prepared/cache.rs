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
