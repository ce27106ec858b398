//! `skewless delete-values`: of an entity, or of a feature view, what is stored online.

use std::sync::Arc;

use arrow::array::LargeBinaryArray;
use clap::Args;
use serde::Serialize;
use serde_json::json;
use skewless_server::wire::{Column, Request, Role};
use skewless_store::definitions::Definitions;
use skewless_store::online::encode_keys;
use skewless_store::stored_values::{check_join_keys, delete_entities, delete_view};
use skewless_store::{Error, open_online_store};

use crate::clock;
use crate::entity_values::{Entities, EntityValues};
use crate::failure::{Failure, Result};
use crate::session::{Session, block_on};
use crate::table::counted;

const EXAMPLES: &str = "\
Examples:
  skewless delete-values -e user_id=42
  skewless delete-values -e user_id=42,43,44 --json
  skewless delete-values -e origin=JFK -e carrier=AA        an entity with two join keys
  skewless delete-values --view weather

The values are gone from the online store at once, in every feature view of the entity. Sources are not touched: take \
the entity's rows out of them first, or the next `materialize` brings the values back.";

/// Delete stored values of an entity, or of a feature view, from the online store
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A join key of the entity and its value; several values, separated by commas, are several entities
    #[arg(short, long = "entities", value_name = "NAME=VALUES", required_unless_present = "view")]
    entities: Vec<EntityValues>,
    /// All values of this feature view, which need not be applied any more
    #[arg(long, conflicts_with = "entities")]
    view: Option<String>,
    /// Print JSON: how many rows were deleted
    #[arg(long)]
    json: bool,
}

/// What a request for the entities would be.
#[derive(Serialize)]
struct Body {
    entities: Entities,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let (root, settings) = session.settings()?;
    let online = open_online_store(&root, &settings)?;
    let (registry, commit) = block_on(session.commit())?;
    if let Some(view) = &arguments.view {
        let deleted = block_on(async { Ok(delete_view(&registry, &online, view, clock::now()).await?) })?;
        let rows = counted(deleted.rows, "row", "rows");
        let told = format!("{rows} of feature view {view} deleted");
        return arguments.tell(session, &json!({ "deleted": [deleted] }), &told);
    }
    let keys = arguments.keys(&commit.state.definitions)?;
    let rows = block_on(async { Ok(delete_entities(&online, keys).await?) })?;
    let told = format!(
        "{} of {} deleted",
        counted(rows.iter().sum(), "row", "rows"),
        counted(rows.len() as u64, "entity", "entities")
    );
    arguments.tell(session, &json!({ "rows_deleted": rows }), &told)
}

impl Arguments {
    fn tell(&self, session: &Session, json: &serde_json::Value, text: &str) -> Result<()> {
        let printed = if self.json { session.output.print_json(json) } else { session.output.print(text) };
        Ok(printed?)
    }

    /// The keys of the entities, their values read as the JSON of a request is.
    fn keys(&self, definitions: &Definitions) -> Result<LargeBinaryArray> {
        check_join_keys(definitions, &self.entities.iter().map(EntityValues::name).collect::<Vec<_>>())?;
        let join_keys = definitions.entities.iter().flat_map(|entity| &entity.join_keys);
        let is_given = |name: &str| self.entities.iter().any(|given| given.name() == name);
        let mut columns: Vec<Column> = Vec::new();
        for key in join_keys.filter(|key| is_given(&key.name)) {
            let column = Column { name: key.name.clone(), data_type: key.data_type, role: Role::JoinKey };
            match columns.iter().find(|known| known.name == column.name) {
                None => columns.push(column),
                Some(known) if known.data_type == column.data_type => {}
                Some(_) => {
                    let name = &key.name;
                    return Err(Failure::usage(format!("several entities have a join key `{name}`, of several types")));
                }
            }
        }
        let body = serde_json::to_vec(&Body { entities: Entities::new(&self.entities, &columns) })
            .expect("plain data becomes JSON");
        let rows = Request::parse(&body).and_then(|request| request.entity_rows(&columns)).map_err(Error::from)?;
        let join_keys: Vec<_> = rows.join_keys().map(|(name, values)| (name, Arc::clone(values))).collect();
        Ok(encode_keys(&join_keys).map_err(Error::from)?)
    }
}
