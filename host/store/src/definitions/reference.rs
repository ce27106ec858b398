//! How one definition names a part of another.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::name::is_name;

/// `view`, all features of a view, or `view:feature`, one of them. The view may be an on-demand feature view.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FeatureRef {
    /// All features of a view, in its order.
    View(String),
    /// One feature.
    Feature {
        /// the view
        view: String,
        /// the feature's name in it
        feature: String,
    },
}

/// What fills an input of an on-demand feature view: `view:feature`, `request:field` or `event_timestamp`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InputRef {
    /// A stored feature.
    Feature {
        /// the feature view
        view: String,
        /// the feature's name in it
        feature: String,
    },
    /// A field that the request brings.
    Request(String),
    /// The instant the features are asked for.
    EventTimestamp,
}

/// The word that stands for the request in an [`InputRef`], so that no view can have that name.
pub(crate) const REQUEST: &str = "request";

/// The column that holds the instant of an entity row, and the input that carries it.
pub(crate) const EVENT_TIMESTAMP: &str = "event_timestamp";

/// A text that refers to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReference {
    /// Neither `view` nor `view:feature`.
    #[error("`{0}` is not a feature: write `view` for all its features, or `view:feature` for one")]
    Feature(String),
    /// None of the three forms of an input.
    #[error("`{0}` is not an input: write `view:feature`, `request:field` or `event_timestamp`")]
    Input(String),
}

impl FeatureRef {
    /// The view's name.
    #[must_use]
    pub fn view(&self) -> &str {
        match self {
            Self::View(view) | Self::Feature { view, .. } => view,
        }
    }
}

impl fmt::Display for FeatureRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::View(view) => f.write_str(view),
            Self::Feature { view, feature } => write!(f, "{view}:{feature}"),
        }
    }
}

impl FromStr for FeatureRef {
    type Err = BadReference;

    fn from_str(text: &str) -> Result<Self, BadReference> {
        match text.split_once(':') {
            None if is_name(text) => Ok(Self::View(text.to_owned())),
            Some((view, feature)) if is_name(view) && is_name(feature) => {
                Ok(Self::Feature { view: view.to_owned(), feature: feature.to_owned() })
            }
            _ => Err(BadReference::Feature(text.to_owned())),
        }
    }
}

impl fmt::Display for InputRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Feature { view, feature } => write!(f, "{view}:{feature}"),
            Self::Request(field) => write!(f, "{REQUEST}:{field}"),
            Self::EventTimestamp => f.write_str(EVENT_TIMESTAMP),
        }
    }
}

impl FromStr for InputRef {
    type Err = BadReference;

    fn from_str(text: &str) -> Result<Self, BadReference> {
        match text.split_once(':') {
            None if text == EVENT_TIMESTAMP => Ok(Self::EventTimestamp),
            Some((REQUEST, field)) if is_name(field) => Ok(Self::Request(field.to_owned())),
            Some((view, feature)) if is_name(view) && is_name(feature) => {
                Ok(Self::Feature { view: view.to_owned(), feature: feature.to_owned() })
            }
            _ => Err(BadReference::Input(text.to_owned())),
        }
    }
}

/// Both references are texts in YAML, in the registry and in requests.
macro_rules! as_text {
    ($reference:ident, $pattern:literal) => {
        impl Serialize for $reference {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $reference {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $reference {
            fn schema_name() -> Cow<'static, str> {
                stringify!($reference).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

as_text!(FeatureRef, "^[a-z][a-z0-9_]{0,63}(:[a-z][a-z0-9_]{0,63})?$");
as_text!(InputRef, "^([a-z][a-z0-9_]{0,63}:[a-z][a-z0-9_]{0,63}|event_timestamp)$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_survive_their_text() {
        for text in ["weather", "weather:wind_speed"] {
            assert_eq!(text.parse::<FeatureRef>().unwrap().to_string(), text);
        }
        for text in ["weather:wind_speed", "request:runway_heading", "event_timestamp"] {
            assert_eq!(text.parse::<InputRef>().unwrap().to_string(), text);
        }
        assert_eq!("request:x".parse(), Ok(InputRef::Request("x".into())));
        assert_eq!("weather:x".parse(), Ok(InputRef::Feature { view: "weather".into(), feature: "x".into() }));
    }

    #[test]
    fn what_refers_to_nothing_is_refused() {
        for text in ["", ":", "a:", ":b", "a:b:c", "A", "a b", "weather: wind"] {
            assert!(text.parse::<FeatureRef>().is_err(), "{text}");
            assert!(text.parse::<InputRef>().is_err(), "{text}");
        }
        insta::assert_snapshot!("a:b:c".parse::<FeatureRef>().unwrap_err(), @"`a:b:c` is not a feature: write `view` for all its features, or `view:feature` for one");
        insta::assert_snapshot!("weather".parse::<InputRef>().unwrap_err(), @"`weather` is not an input: write `view:feature`, `request:field` or `event_timestamp`");
    }
}
