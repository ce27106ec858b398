//! What a plan would change, in lines for people: `+` what is new, `~` what changes and how, `-` what goes.

use skewless_store::apply::{ComponentChange, Plan};
use skewless_store::definitions::{ChangeKind, Kind};

use crate::output::Output;
use crate::table::short_digest;

/// One definition, and what happens to it.
struct Item<'a> {
    sign: char,
    what: String,
    details: Vec<&'a str>,
    component: Option<&'a ComponentChange>,
}

/// The changes of `plan`, and their number.
pub(crate) fn describe(plan: &Plan, output: &Output) -> String {
    let items = items(plan);
    let mut text = String::new();
    for Item { sign, what, details, component } in &items {
        let line = format!("{sign} {what}");
        text += &match sign {
            '+' => output.green(&line),
            '-' => output.red(&line),
            _ => output.yellow(&line),
        };
        text.push('\n');
        details.iter().for_each(|detail| text += &format!("    {detail}\n"));
        text += &component.map_or_else(String::new, |change| format!("    component: {}\n", digests(change)));
    }
    let count = |sign| items.iter().filter(|item| item.sign == sign).count();
    text + &format!("{} to add, {} to change, {} to remove", count('+'), count('~'), count('-'))
}

/// The changed definitions, then the transforms of which only the component is another.
fn items(plan: &Plan) -> Vec<Item<'_>> {
    let transform = Kind::Transform.name();
    let component = |name: &str| plan.components.iter().find(|change| change.transform == name);
    let changed = plan.changes.iter().map(|change| {
        let (sign, details) = match &change.change {
            ChangeKind::Added => ('+', &[][..]),
            ChangeKind::Removed => ('-', &[][..]),
            ChangeKind::Changed(details) => ('~', details.as_slice()),
        };
        Item {
            sign,
            what: format!("{} {}", change.kind, change.name),
            details: details.iter().map(String::as_str).collect(),
            component: component(&change.name).filter(|_| change.kind == transform),
        }
    });
    let is_changed = |name: &str| plan.changes.iter().any(|change| change.kind == transform && change.name == name);
    let rebuilt = plan.components.iter().filter(|change| !is_changed(&change.transform)).map(|change| Item {
        sign: '~',
        what: format!("{transform} {}", change.transform),
        details: Vec::new(),
        component: Some(change),
    });
    changed.chain(rebuilt).collect()
}

fn digests(change: &ComponentChange) -> String {
    match &change.from {
        Some(from) => format!("{} became {}", short_digest(from), short_digest(&change.to)),
        None => short_digest(&change.to).to_owned(),
    }
}
