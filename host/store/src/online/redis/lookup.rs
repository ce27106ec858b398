//! From requests by feature view to one command for each entity, and back.

use arrow::array::Array as _;
use hashbrown::HashMap;
use redis::Cmd;

use crate::Result;
use crate::online::{ReadRequest, Visit};

const HMGET: &str = "HMGET";

/// What to ask of the server, and where in its replies each row is.
pub(super) struct Lookup<'a> {
    entities: Vec<Entity<'a>>,
    /// lists of views that an entity is asked for; the first is empty
    lists: Vec<Vec<&'a str>>,
    /// for each request and key where its row will be; `None` for a null key
    places: Vec<Vec<Option<Place>>>,
}

/// An entity, and which list of views is asked for.
struct Entity<'a> {
    key: &'a [u8],
    list: usize,
}

/// An entity, and a view in its list.
#[derive(Clone, Copy)]
struct Place {
    entity: usize,
    view: usize,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(requests: &[ReadRequest<'a>]) -> Self {
        let keys = requests.first().map_or(0, |request| request.keys.len());
        let mut lookup = Self {
            entities: Vec::with_capacity(keys),
            lists: vec![Vec::new()],
            places: Vec::with_capacity(requests.len()),
        };
        let mut known = HashMap::with_capacity(keys);
        for (number, request) in requests.iter().enumerate() {
            // Views of one entity are mostly asked for with the same keys.
            let before = requests[..number].iter().position(|other| std::ptr::eq(other.keys, request.keys));
            let places = match before {
                Some(before) => lookup.places_again(before, request.feature_view),
                None => lookup.new_places(&mut known, request),
            };
            lookup.places.push(places);
        }
        lookup
    }

    fn new_places(&mut self, known: &mut HashMap<&'a [u8], usize>, request: &ReadRequest<'a>) -> Vec<Option<Place>> {
        let mut extended = None;
        let place = |key: Option<&'a [u8]>| {
            let key = key?;
            let entity = *known.entry(key).or_insert_with(|| {
                self.entities.push(Entity { key, list: 0 });
                self.entities.len() - 1
            });
            Some(self.place(entity, request.feature_view, &mut extended))
        };
        request.keys.iter().map(place).collect()
    }

    /// The same entities as those of request number `before`.
    fn places_again(&mut self, before: usize, view: &'a str) -> Vec<Option<Place>> {
        let mut extended = None;
        let mut places = self.places[before].clone();
        for place in places.iter_mut().flatten() {
            *place = self.place(place.entity, view, &mut extended);
        }
        places
    }

    /// Where the row of `view` will be, for which its entity's list is made longer where it isn't in it. `extended` remembers how the
    /// last list was, for most entities have the same.
    fn place(&mut self, entity: usize, view: &'a str, extended: &mut Option<(usize, usize, usize)>) -> Place {
        let list = self.entities[entity].list;
        let (longer, position) = match *extended {
            Some((from, longer, position)) if from == list => (longer, position),
            _ => self.list_with(list, view),
        };
        *extended = Some((list, longer, position));
        self.entities[entity].list = longer;
        Place { entity, view: position }
    }

    /// The list that has the views of `list` and then `view`, and where that is in it.
    fn list_with(&mut self, list: usize, view: &'a str) -> (usize, usize) {
        if let Some(position) = self.lists[list].iter().position(|known| *known == view) {
            return (list, position);
        }
        let longer = [self.lists[list].as_slice(), &[view]].concat();
        let position = longer.len() - 1;
        let known = self.lists.iter().position(|known| *known == longer);
        let longer = known.unwrap_or_else(|| {
            self.lists.push(longer);
            self.lists.len() - 1
        });
        (longer, position)
    }

    /// How many commands it takes.
    pub(super) fn len(&self) -> usize {
        self.entities.len()
    }

    /// One command for each entity, whose hash is called `prefix`, its key and `}`.
    pub(super) fn commands(&self, prefix: &[u8]) -> Vec<Cmd> {
        let command = |entity: &Entity<'_>| {
            let (hash, views) = ([prefix, entity.key, b"}"].concat(), &self.lists[entity.list]);
            let bytes = views.iter().map(|view| view.len()).sum::<usize>() + HMGET.len() + hash.len();
            let mut command = Cmd::with_capacity(views.len() + 2, bytes);
            command.arg(HMGET).arg(hash).arg(views);
            command
        };
        self.entities.iter().map(command).collect()
    }

    /// The same, as they go to the server.
    pub(super) fn packed(&self, prefix: &[u8]) -> Vec<u8> {
        let around = |views: &Vec<&str>| {
            let mut before = Vec::new();
            append_number(&mut before, b'*', views.len() + 2);
            append_text(&mut before, &[HMGET.as_bytes()]);
            let mut after = Vec::new();
            views.iter().for_each(|view| append_text(&mut after, &[view.as_bytes()]));
            (before, after)
        };
        let around: Vec<_> = self.lists.iter().map(around).collect();
        let mut packed =
            Vec::with_capacity(self.entities.iter().map(|entity| entity.key.len() + prefix.len() + 64).sum());
        for entity in &self.entities {
            let (before, after) = &around[entity.list];
            packed.extend_from_slice(before);
            append_text(&mut packed, &[prefix, entity.key, b"}"]);
            packed.extend_from_slice(after);
        }
        packed
    }

    /// The entity of each command, and how many values its reply has.
    pub(super) fn entities(&self) -> impl ExactSizeIterator<Item = (&'a [u8], usize)> {
        self.entities.iter().map(|entity| (entity.key, self.lists[entity.list].len()))
    }

    /// Calls `visit` for each key of each request, in order; `value` has the values of all replies, one after the other.
    pub(super) fn visit<'v>(&self, value: impl Fn(usize) -> Option<&'v [u8]>, visit: &mut Visit<'_>) -> Result<()> {
        let starts = self.entities().scan(0, |start, (_, count)| Some(std::mem::replace(start, *start + count)));
        let starts: Vec<usize> = starts.collect();
        for (request, places) in self.places.iter().enumerate() {
            for place in places {
                visit(request, place.and_then(|place| value(starts[place.entity] + place.view)))?;
            }
        }
        Ok(())
    }
}

fn append_number(out: &mut Vec<u8>, kind: u8, number: usize) {
    let (mut digits, mut at, mut left) = ([0; 20], 20, number);
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.push(kind);
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(b"\r\n");
}

fn append_text(out: &mut Vec<u8>, parts: &[&[u8]]) {
    append_number(out, b'$', parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use arrow::array::LargeBinaryArray;

    use super::*;

    fn keys(keys: &[Option<&str>]) -> LargeBinaryArray {
        keys.iter().map(|key| key.map(str::as_bytes)).collect()
    }

    fn requests<'a>(asked: &[(&'a str, &'a LargeBinaryArray)]) -> Vec<ReadRequest<'a>> {
        asked.iter().map(|(feature_view, keys)| ReadRequest { feature_view, keys }).collect()
    }

    /// For each request what is found by `Lookup`, where a row of view `v` and entity `e` is "v e".
    fn found(requests: &[ReadRequest<'_>]) -> Vec<Vec<Option<String>>> {
        let lookup = Lookup::new(requests);
        let rows: Vec<String> = lookup
            .entities
            .iter()
            .flat_map(|entity| lookup.lists[entity.list].iter().map(|view| (view, entity.key.escape_ascii())))
            .map(|(view, key)| format!("{view} {key}"))
            .collect();
        let mut found = vec![Vec::new(); requests.len()];
        let mut visit = |request: usize, row: Option<&[u8]>| {
            found[request].push(row.map(|row| String::from_utf8(row.to_vec()).unwrap()));
            Ok(())
        };
        lookup.visit(|number| Some(rows[number].as_bytes()), &mut visit).unwrap();
        found
    }

    #[test]
    fn every_row_is_found_whatever_is_asked_twice() {
        let (users, others, places) =
            (keys(&[Some("a"), None, Some("b"), Some("a")]), keys(&[Some("b"), Some("c")]), keys(&[Some("x")]));
        let asked = [("u", &users), ("v", &users), ("p", &places), ("u", &others), ("w", &others), ("u", &users)];
        let expected = asked.map(|(view, keys)| {
            let row = |key: Option<&[u8]>| key.map(|key| format!("{view} {}", key.escape_ascii()));
            keys.iter().map(row).collect::<Vec<_>>()
        });
        assert_eq!(found(&requests(&asked)), expected);
        assert_eq!(Lookup::new(&requests(&asked)).len(), 4, "one command for each entity");
    }

    #[test]
    fn what_goes_to_the_server_is_what_the_library_would_send() {
        let (users, others) = (keys(&[Some("a"), Some("b")]), keys(&[Some("a"), Some("longer than nine")]));
        let requests = requests(&[("one", &users), ("two", &others), ("one", &others)]);
        let lookup = Lookup::new(&requests);
        let by_library: Vec<u8> = lookup.commands(b"p:{").iter().flat_map(Cmd::get_packed_command).collect();
        assert_eq!(lookup.packed(b"p:{").escape_ascii().to_string(), by_library.escape_ascii().to_string());
    }

    #[test]
    fn nothing_is_asked_where_there_are_no_keys() {
        let none = keys(&[None]);
        let requests = requests(&[("u", &none)]);
        assert_eq!(Lookup::new(&requests).len(), 0);
        assert_eq!(found(&requests), [vec![None::<String>]]);
    }
}
