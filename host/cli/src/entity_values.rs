//! `-e user_id=1,2 -e shop=north` enters; the `entities` of a request leave, each value in the JSON of its column's type.

use std::str::FromStr;

use serde::{Serialize, Serializer};
use serde_json::Value;
use skewless_runtime::{DataType, ScalarType};
use skewless_server::wire::Column;

use crate::instant::parse_instant;

/// One `-e`: a column's name, and the text of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntityValues {
    name: String,
    text: String,
}

/// The `entities` of a request, in the order in which they were given.
#[derive(Debug, PartialEq)]
pub(crate) struct Entities(Vec<(String, Vec<Value>)>);

impl EntityValues {
    /// The column's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for EntityValues {
    type Err = String;

    fn from_str(argument: &str) -> Result<Self, String> {
        let (name, text) =
            argument.split_once('=').ok_or("write `name=value`, or `name=value,value` for several rows")?;
        Ok(Self { name: name.trim().to_owned(), text: text.to_owned() })
    }
}

impl Entities {
    /// Reads the values as the types of `columns`. A column with one value has it in every row.
    pub(crate) fn new(given: &[EntityValues], columns: &[Column]) -> Self {
        let data_type = |name: &str| columns.iter().find(|column| column.name == name).map(|column| column.data_type);
        let values = |EntityValues { name, text }: &EntityValues| (name.clone(), values(text, data_type(name)));
        let mut entities: Vec<(String, Vec<Value>)> = given.iter().map(values).collect();
        let rows = entities.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
        for (_, values) in entities.iter_mut().filter(|(_, values)| values.len() == 1) {
            values.resize(rows, values[0].clone());
        }
        Self(entities)
    }
}

impl Serialize for Entities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, values)| (name, values)))
    }
}

fn values(text: &str, data_type: Option<DataType>) -> Vec<Value> {
    match data_type {
        // Its commas are those of the list.
        Some(DataType::List(_)) => vec![json_or_text(text)],
        Some(DataType::Scalar(scalar)) => text.split(',').map(|value| scalar_value(value, scalar)).collect(),
        // Nobody needs it, which whoever answers will say.
        None => text.split(',').map(json_or_text).collect(),
    }
}

fn scalar_value(text: &str, scalar: ScalarType) -> Value {
    match scalar {
        ScalarType::String | ScalarType::Bytes => Value::from(text),
        ScalarType::Timestamp => {
            Value::from(parse_instant(text).map_or_else(|_| text.to_owned(), |instant| instant.to_string()))
        }
        _ => json_or_text(text),
    }
}

/// A number, a truth value or a list; or else a text, which whoever answers will find unfit.
fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

#[cfg(test)]
mod tests {
    use skewless_server::wire::Role;

    use super::*;

    fn entities(given: &[&str]) -> String {
        let column = |name: &str, data_type: &str| Column {
            name: name.to_owned(),
            data_type: data_type.parse().unwrap(),
            role: Role::RequestField,
        };
        let columns = [
            column("id", "int64"),
            column("tail", "string"),
            column("at", "timestamp"),
            column("weights", "list<float64>"),
            column("ratio", "float64"),
        ];
        let given: Vec<EntityValues> = given.iter().map(|argument| argument.parse().unwrap()).collect();
        serde_json::to_string(&Entities::new(&given, &columns)).unwrap()
    }

    #[test]
    fn a_value_is_written_as_its_column_wants_it() {
        insta::assert_snapshot!(entities(&["tail=1001,N14228"]), @r#"{"tail":["1001","N14228"]}"#);
        insta::assert_snapshot!(entities(&["id=9007199254740993,-1"]), @r#"{"id":[9007199254740993,-1]}"#);
        insta::assert_snapshot!(entities(&["at=2013-01-31"]), @r#"{"at":["2013-01-31T00:00:00Z"]}"#);
        insta::assert_snapshot!(entities(&["weights=[1,2.5,null]"]), @r#"{"weights":[[1,2.5,null]]}"#);
        insta::assert_snapshot!(entities(&["ratio=0.1,NaN,null"]), @r#"{"ratio":[0.1,"NaN",null]}"#);
    }

    #[test]
    fn what_does_not_fit_is_passed_on_for_the_answer_to_say_so() {
        insta::assert_snapshot!(entities(&["id=x", "other=1"]), @r#"{"id":["x"],"other":[1]}"#);
    }

    #[test]
    fn one_value_is_that_of_every_row() {
        insta::assert_snapshot!(entities(&["tail=a=b,c", "id=1"]), @r#"{"tail":["a=b","c"],"id":[1,1]}"#);
        insta::assert_snapshot!(entities(&["tail=a,b", "id=1,2,3"]), @r#"{"tail":["a","b"],"id":[1,2,3]}"#);
    }

    #[test]
    fn an_argument_without_a_name_is_refused() {
        assert!("1001".parse::<EntityValues>().is_err());
    }
}
