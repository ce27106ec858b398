//! Replies to `HMGET`, found in the bytes as the server sent them: no value is copied.
//!
//! What is no list of values, an error above all, is left to the library's parser: it is seldom.

use bytes::Bytes;
use redis::{ErrorKind, RedisError, RedisResult, Value};

use super::link::usable;

/// The longest line that a server may send: an error's message. What is longer is no Redis.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Finds where a number of replies end, in bytes that are still arriving.
#[derive(Debug)]
pub(super) struct Scan {
    /// where the next value begins
    at: usize,
    /// how many values are to come
    left: usize,
    /// how many bytes there must be to get further
    needed: usize,
}

impl Scan {
    pub(super) fn of(replies: usize) -> Self {
        Self { at: 0, left: replies, needed: 1 }
    }

    /// Goes on as far as `bytes` reach, which begin with those of the last call: where the last reply ends, or `None` while there is
    /// more to come.
    ///
    /// # Errors
    /// Where the bytes are no replies.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> RedisResult<Option<usize>> {
        while self.left > 0 {
            let Some((line, end)) = line(bytes, self.at)? else {
                self.needed = bytes.len() + 1;
                return Ok(None);
            };
            let (next, values) = match line {
                Line::List(values) => (end, values),
                Line::Bytes(None) | Line::Other => (end, 0),
                Line::Bytes(Some(length)) => (end.saturating_add(length).saturating_add(2), 0),
            };
            if next > bytes.len() {
                self.needed = next;
                return Ok(None);
            }
            self.at = next;
            self.left = (self.left - 1).saturating_add(values);
        }
        Ok(Some(self.at))
    }

    /// How many bytes there must be before another look is of use.
    pub(super) fn needed(&self) -> usize {
        self.needed
    }
}

/// A line of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// begins a list of so many values
    List(usize),
    /// begins a value of so many bytes, or is a null
    Bytes(Option<usize>),
    /// a number, a short text or an error
    Other,
}

/// The line that begins at `at`, and where it ends; `None` while its end is not there.
fn line(bytes: &[u8], at: usize) -> RedisResult<Option<(Line, usize)>> {
    let rest = &bytes[at..];
    if let Some((line, length)) = quick_line(rest) {
        return Ok(Some((line, at + length)));
    }
    let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
        return if rest.len() > LINE_BYTES_MAX { Err(no_reply()) } else { Ok(None) };
    };
    let text = rest[..length].strip_suffix(b"\r").ok_or_else(no_reply)?;
    let line = match text.split_first() {
        Some((b'*', count)) => Line::List(number(count)?.unwrap_or(0)),
        Some((b'$', length)) => Line::Bytes(number(length)?),
        Some((b'+' | b'-' | b':', _)) => Line::Other,
        _ => return Err(no_reply()),
    };
    Ok(Some((line, at + length + 1)))
}

/// The line that `bytes` begin with, and its length, where it is what most are: a count or a length of few digits, all there.
fn quick_line(bytes: &[u8]) -> Option<(Line, usize)> {
    let (kind, digits) = bytes.split_first()?;
    let mut number = 0;
    for (place, byte) in digits.iter().take(9).enumerate() {
        match byte {
            b'0'..=b'9' => number = number * 10 + usize::from(byte - b'0'),
            b'\r' if place > 0 && digits.get(place + 1) == Some(&b'\n') => {
                let line = match kind {
                    b'*' => Line::List(number),
                    b'$' => Line::Bytes(Some(number)),
                    _ => return None,
                };
                return Some((line, place + 3));
            }
            _ => return None,
        }
    }
    None
}

/// A count or a length; -1 is none.
fn number(digits: &[u8]) -> RedisResult<Option<usize>> {
    if digits == b"-1" {
        return Ok(None);
    }
    let add = |number: usize, digit: &u8| match digit {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(usize::from(digit - b'0')),
        _ => None,
    };
    match digits {
        [] => Err(no_reply()),
        digits => digits.iter().try_fold(0, add).map(Some).ok_or_else(no_reply),
    }
}

fn no_reply() -> RedisError {
    RedisError::from((ErrorKind::Parse, "the server's reply is not of Redis's protocol"))
}

/// The values in the replies to some commands.
#[derive(Debug)]
pub(super) struct Values {
    bytes: Bytes,
    /// where each value stands, those of one command after those of the one before; `None`: null
    spans: Vec<Option<(usize, usize)>>,
}

/// What the replies to some commands are.
#[derive(Debug)]
pub(super) enum Replies {
    /// lists of values, as many as were asked for
    Values(Values),
    /// something else is the reply to the command of this number
    Odd(usize, Value),
}

impl Replies {
    /// Looks into `bytes`, which hold a whole reply for each of `counts`: how many values that command asked for.
    ///
    /// # Errors
    /// Where a reply is an error, unless it is about its key alone.
    pub(super) fn read(bytes: Bytes, counts: impl ExactSizeIterator<Item = usize>) -> RedisResult<Self> {
        let mut spans = Vec::with_capacity(counts.len());
        let (mut at, mut odd) = (0, None);
        for (command, count) in counts.enumerate() {
            match list(&bytes, at, count, &mut spans)? {
                Some(end) => at = end,
                None => {
                    let reply = &bytes[at..];
                    let value = usable(redis::parse_redis_value(reply)?)?;
                    odd = odd.or(Some((command, value)));
                    at += Scan::of(1).advance(reply)?.ok_or_else(no_reply)?;
                }
            }
        }
        Ok(match odd {
            None => Self::Values(Values { bytes, spans }),
            Some((command, value)) => Self::Odd(command, value),
        })
    }
}

impl Values {
    /// The value of this number, counted over all commands.
    pub(super) fn get(&self, number: usize) -> Option<&[u8]> {
        self.spans[number].map(|(start, end)| &self.bytes[start..end])
    }
}

/// Appends where the values of the list at `at` stand, and says where it ends; `None` where that is no list of `count` values.
fn list(bytes: &[u8], at: usize, count: usize, spans: &mut Vec<Option<(usize, usize)>>) -> RedisResult<Option<usize>> {
    let (before, Some((Line::List(found), mut at))) = (spans.len(), line(bytes, at)?) else { return Ok(None) };
    if found != count {
        return Ok(None);
    }
    for _ in 0..count {
        let Some((Line::Bytes(length), start)) = line(bytes, at)? else {
            spans.truncate(before);
            return Ok(None);
        };
        let span = length.map(|length| (start, start + length));
        at = span.map_or(start, |(_, end)| end + 2);
        if at > bytes.len() {
            return Err(no_reply());
        }
        spans.push(span);
    }
    Ok(Some(at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(bytes: &[u8], counts: &[usize]) -> Vec<Option<Vec<u8>>> {
        match Replies::read(Bytes::copy_from_slice(bytes), counts.iter().copied()).unwrap() {
            Replies::Values(values) => {
                (0..values.spans.len()).map(|number| values.get(number).map(<[u8]>::to_vec)).collect()
            }
            odd => panic!("{odd:?}"),
        }
    }

    fn written(lists: &[Vec<Option<Vec<u8>>>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for list in lists {
            bytes.extend(format!("*{}\r\n", list.len()).bytes());
            for value in list {
                match value {
                    None => bytes.extend(b"$-1\r\n"),
                    Some(value) => {
                        bytes.extend(format!("${}\r\n", value.len()).bytes());
                        bytes.extend(value);
                        bytes.extend(b"\r\n");
                    }
                }
            }
        }
        bytes
    }

    proptest! {
        #[test]
        fn values_come_out_as_they_went_in_however_the_bytes_arrive(
            lists in prop::collection::vec(prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..40)), 0..5), 0..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut bytes = written(&lists);
            let whole = bytes.len();
            bytes.extend(b"*1\r\n$3\r\nabc");
            let mut scan = Scan::of(lists.len());
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(whole + 1)).collect();
            cuts.sort_unstable();
            for cut in cuts {
                let found = scan.advance(&bytes[..cut]).unwrap();
                prop_assert!(found == (cut == whole || lists.is_empty()).then_some(whole) || found == Some(whole));
                prop_assert!(found.is_some() || scan.needed() > cut);
            }
            prop_assert_eq!(scan.advance(&bytes).unwrap(), Some(whole));
            let counts: Vec<usize> = lists.iter().map(Vec::len).collect();
            prop_assert_eq!(values(&bytes[..whole], &counts), lists.concat());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(prop::sample::select(b"*$-+:\r\n019ab".to_vec()), 0..64), replies in 0..4_usize) {
            if let Ok(Some(end)) = Scan::of(replies).advance(&bytes) {
                prop_assert!(end <= bytes.len());
            }
            drop(Replies::read(bytes.into(), std::iter::repeat_n(2, replies)));
        }
    }

    #[test]
    fn an_error_is_told_from_values_and_from_errors_about_one_key() {
        let read = |bytes: &'static [u8]| Replies::read(Bytes::from_static(bytes), [1, 1].into_iter());
        let loading = read(b"*1\r\n$-1\r\n-LOADING Redis is loading\r\n").unwrap_err();
        assert_eq!(loading.code(), Some("LOADING"));
        let wrong = read(b"-WRONGTYPE Operation against a key\r\n*1\r\n$1\r\na\r\n").unwrap();
        assert!(matches!(wrong, Replies::Odd(0, Value::ServerError(error)) if error.code() == "WRONGTYPE"));
        let short = read(b"*1\r\n$1\r\na\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n").unwrap();
        assert!(matches!(short, Replies::Odd(1, Value::Array(values)) if values.len() == 2));
        assert!(matches!(read(b"+OK\r\n:7\r\n").unwrap(), Replies::Odd(0, Value::Okay)));
    }

    #[test]
    fn what_is_not_redis_is_noticed() {
        let advance = |bytes: &[u8]| Scan::of(1).advance(bytes).map_err(|error| error.to_string());
        insta::assert_snapshot!(advance(b"HTTP/1.1 400 Bad Request\r\n").unwrap_err(), @"the server's reply is not of Redis's protocol - Parse");
        for bytes in ["$x\r\n", "$\r\n", "$-2\r\n", "*99999999999999999999\r\n", "$3\n", "\r\n"] {
            assert!(advance(bytes.as_bytes()).is_err(), "{bytes:?}");
        }
        assert!(advance(&[b'-'; LINE_BYTES_MAX + 1]).is_err());
        assert_eq!(advance(b"$18446744073709551615\r\n"), Ok(None));
    }
}
