//! Entities and their join keys.

use super::{Checks, Kind};
use crate::definitions::{Entity, JoinKey};

impl Checks<'_> {
    pub(super) fn entity(&mut self, entity: &Entity) {
        let subject = (Kind::Entity, entity.name.as_str());
        if entity.join_keys.is_empty() {
            let message =
                format!("the entity `{}` has no join key: name the columns that tell one from another", entity.name);
            self.wrong(subject, "join_keys", message);
        }
        self.columns(subject, "join_keys", "join key", entity.join_keys.iter().map(|key| key.name.as_str()));
        for (number, key) in entity.join_keys.iter().enumerate().filter(|(_, key)| !key.has_allowed_type()) {
            let allowed = JoinKey::TYPES.map(|scalar| scalar.name()).join(", ");
            let message = format!("the join key `{}` can't be {}: use one of {allowed}", key.name, key.data_type);
            self.wrong(subject, &format!("join_keys.{number}.type"), message);
        }
    }
}
