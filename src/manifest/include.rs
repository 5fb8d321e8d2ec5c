//! `include`: other projects become part of this one (compose-spec reference §2.8). Each is loaded as a model of its own,
//! with its own directory and its own `.env` below the variables of the project; a name that both define is an error.

use std::sync::Arc;

use crate::manifest::dotenv::Assignments;
use crate::manifest::environment::{Environment, child};
use crate::manifest::layers::Layers;
use crate::manifest::node::{Map, Node};
use crate::manifest::report::Finding;
use crate::manifest::variables;
use crate::model::path::LocalPath;

/// Deepest nesting.
const DEEPEST: usize = 16;
/// Most includes of one project.
const MOST: usize = 100;
/// Sections whose entries are copied.
const SECTIONS: [&str; 5] = ["services", "networks", "volumes", "configs", "secrets"];

/// Copies what `list` names into `layer`, the document that includes it, before that is merged with others.
pub(crate) fn apply(
    layers: &mut Layers<'_, '_>,
    layer: &mut Node,
    list: &Node,
    environment: &mut Environment,
) {
    for (index, entry) in list.as_list().unwrap_or(&[]).iter().enumerate() {
        let field = format!("include[{index}]");
        if let Some(model) = one(layers, entry, &field, environment) {
            copy(layers, layer, model, entry);
        }
    }
}

fn one(
    layers: &mut Layers<'_, '_>,
    entry: &Node,
    field: &str,
    environment: &mut Environment,
) -> Option<Node> {
    let paths: Vec<LocalPath> = texts(entry.get("path")).map(LocalPath::new).collect();
    let first = paths.first()?;
    layers.included += 1;
    if layers.chain.len() >= DEEPEST || layers.included > MOST {
        layers.report.add(
            Finding::error("include", field, "too many files include each other")
                .at(entry.place)
                .help(format!("at most {DEEPEST} levels and {MOST} includes")),
        );
        return None;
    }
    if layers.chain.contains(first) {
        let names: Vec<&str> = layers.chain.iter().map(LocalPath::file_name).collect();
        let message = format!("the files include each other in a circle: {}", names.join(" → "));
        layers.report.add(
            Finding::error("include-cycle", field, message)
                .at(entry.place)
                .help("remove one of these includes"),
        );
        return None;
    }
    let directory = match entry.get("project_directory").and_then(Node::as_text) {
        Some(path) => LocalPath::new(path),
        None => first.parent(),
    };
    let below = own_variables(layers, entry, &directory, environment)?;
    let mut nested = environment.nested(below);
    layers.chain.push(first.clone());
    let model = layers.within(&directory, |inner| {
        let mut documents = Vec::new();
        for path in &paths {
            let read = inner.read(path, Some(entry))?;
            let values = read.iter().map(Node::count).sum();
            if !inner.report.spend_values(values, Some(entry.place)) {
                return None;
            }
            documents.extend(read.iter().cloned());
        }
        inner.merge_all(documents, &mut nested)
    });
    layers.chain.pop();
    environment.absorb(nested);
    model
}

fn texts(node: Option<&Node>) -> impl Iterator<Item = &str> {
    node.and_then(Node::as_list).unwrap_or(&[]).iter().filter_map(Node::as_text)
}

/// The `.env` beside the included file, or what `env_file` names; `/dev/null` is none.
fn own_variables(
    layers: &mut Layers<'_, '_>,
    entry: &Node,
    directory: &LocalPath,
    environment: &mut Environment,
) -> Option<Assignments> {
    let named: Vec<LocalPath> = texts(entry.get("env_file")).map(LocalPath::new).collect();
    let required = !named.is_empty();
    let files = if required { named } else { vec![directory.join(".env")] };
    let mut values = Assignments::new();
    for path in files.iter().filter(|path| path.as_path() != std::path::Path::new("/dev/null")) {
        variables::read(path, required, &mut values, layers.files, environment, layers.report)?;
    }
    Some(values)
}

fn copy(layers: &mut Layers<'_, '_>, base: &mut Node, mut model: Node, entry: &Node) {
    for section in SECTIONS {
        let Some(mut from) = model.take(section) else {
            continue;
        };
        if base.get(section).is_none() {
            base.set(section, Node::map(entry.place));
        }
        let into = base.get_mut(section).and_then(Node::as_map_mut);
        let (Some(into), Some(from)) = (into, from.as_map_mut()) else {
            continue;
        };
        for (name, imported) in std::mem::take(from) {
            clash(layers, into, section, &name, entry, &imported.node);
            into.entry(name).or_insert(imported);
        }
    }
}

/// The document and its includes may bring the very same definition, but not two different ones.
fn clash(
    layers: &mut Layers<'_, '_>,
    into: &Map,
    section: &str,
    name: &Arc<str>,
    entry: &Node,
    imported: &Node,
) {
    let Some(before) = into.get(name) else {
        return;
    };
    if before.node.means(imported) {
        return;
    }
    let field = child(section, name);
    layers.report.add(
        Finding::error("include-conflict", &field, format!("{field} is defined twice"))
            .at(entry.place)
            .help("give one of them another name")
            .related(before.key, "defined here, too"),
    );
}
