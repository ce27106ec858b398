//! From requests by feature view to one command for each entity, and back.

use hashbrown::HashMap;
use redis::{Cmd, Value};

use crate::Result;
use crate::online::{ReadRequest, Visit};

const HMGET: &str = "HMGET";

/// What to ask of the server, and where in its replies each row is.
pub(super) struct Lookup<'a> {
    entities: Vec<Entity<'a>>,
    /// for each request and key: the entity, and the view among its views; `None` for a null key
    places: Vec<Vec<Option<(usize, usize)>>>,
}

/// An entity and the views that are asked for.
struct Entity<'a> {
    key: &'a [u8],
    views: Vec<&'a str>,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(requests: &[ReadRequest<'a>]) -> Self {
        let mut lookup = Self { entities: Vec::new(), places: Vec::with_capacity(requests.len()) };
        let mut known = HashMap::new();
        for request in requests {
            let places = request.keys.iter().map(|key| Some(lookup.place(&mut known, key?, request.feature_view)));
            let places = places.collect();
            lookup.places.push(places);
        }
        lookup
    }

    fn place(&mut self, known: &mut HashMap<&'a [u8], usize>, key: &'a [u8], view: &'a str) -> (usize, usize) {
        let entity = *known.entry(key).or_insert_with(|| {
            self.entities.push(Entity { key, views: Vec::new() });
            self.entities.len() - 1
        });
        let views = &mut self.entities[entity].views;
        let position = views.iter().position(|known| *known == view).unwrap_or_else(|| {
            views.push(view);
            views.len() - 1
        });
        (entity, position)
    }

    /// One command for each entity, whose hash is named by `hash`.
    pub(super) fn commands(&self, hash: impl Fn(&[u8]) -> Vec<u8>) -> Vec<Cmd> {
        let command = |entity: &Entity<'_>| {
            let hash = hash(entity.key);
            let bytes = entity.views.iter().map(|view| view.len()).sum::<usize>() + HMGET.len() + hash.len();
            let mut command = Cmd::with_capacity(entity.views.len() + 2, bytes);
            command.arg(HMGET).arg(hash).arg(&entity.views);
            command
        };
        self.entities.iter().map(command).collect()
    }

    /// The entity of a command, and how many values its reply has.
    pub(super) fn entities(&self) -> impl Iterator<Item = (&'a [u8], usize)> {
        self.entities.iter().map(|entity| (entity.key, entity.views.len()))
    }

    /// Calls `visit` for each key of each request, in order; `replies` has the values of each command.
    pub(super) fn visit(&self, replies: &[Vec<Value>], visit: &mut Visit<'_>) -> Result<()> {
        for (request, places) in self.places.iter().enumerate() {
            for place in places {
                let row = place.and_then(|(entity, view)| match &replies[entity][view] {
                    Value::BulkString(row) => Some(row.as_slice()),
                    _ => None,
                });
                visit(request, row)?;
            }
        }
        Ok(())
    }
}
