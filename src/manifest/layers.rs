//! The files of a project one upon the other: read, interpolated, checked, extended, merged.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::manifest::check::{Check, nulls};
use crate::manifest::discovery::describe;
use crate::manifest::encrypted;
use crate::manifest::environment::{Environment, child};
use crate::manifest::extends;
use crate::manifest::files::Files;
use crate::manifest::include;
use crate::manifest::lint;
use crate::manifest::merge;
use crate::manifest::node::{Node, Value};
use crate::manifest::parse;
use crate::manifest::report::{Finding, Report};
use crate::manifest::schema::PROJECT;
use crate::manifest::source::Content;
use crate::model::files::FileContent;
use crate::model::path::LocalPath;

/// Most files that one project may be made of, those it extends included.
pub(crate) const MOST_FILES: usize = 200;

/// Reads layers.
#[derive(Debug)]
pub(crate) struct Layers<'a, 'f> {
    /// Relative paths of all files of the project start here.
    pub(crate) directory: &'a LocalPath,
    /// The files.
    pub(crate) files: &'a mut Files<'f>,
    /// Where findings go.
    pub(crate) report: &'a mut Report,
    /// Files that include each other, from the project's own inwards.
    pub(crate) chain: Vec<LocalPath>,
    /// How many includes were read so far.
    pub(crate) included: usize,
    parsed: BTreeMap<LocalPath, Arc<Vec<Node>>>,
}

impl<'a, 'f> Layers<'a, 'f> {
    /// Starts reading.
    pub(crate) fn new(
        directory: &'a LocalPath,
        files: &'a mut Files<'f>,
        report: &'a mut Report,
    ) -> Self {
        Self { directory, files, report, chain: Vec::new(), included: 0, parsed: BTreeMap::new() }
    }

    /// Does something with another directory for relative paths; everything else is shared.
    pub(crate) fn within<T>(
        &mut self,
        directory: &LocalPath,
        work: impl FnOnce(&mut Layers<'_, 'f>) -> T,
    ) -> T {
        let mut inner = Layers {
            directory,
            files: self.files,
            report: self.report,
            chain: std::mem::take(&mut self.chain),
            included: self.included,
            parsed: std::mem::take(&mut self.parsed),
        };
        let done = work(&mut inner);
        let Layers { chain, included, parsed, .. } = inner;
        self.chain = chain;
        self.included = included;
        self.parsed = parsed;
        done
    }

    /// The documents of all `paths`, not yet interpolated; `None` if a file is lacking or wrong.
    pub(crate) fn read_all(&mut self, paths: &[LocalPath]) -> Option<Vec<Node>> {
        if paths.len() > MOST_FILES {
            self.too_many_files();
            return None;
        }
        let mut documents = Vec::new();
        let mut complete = true;
        for path in paths {
            match self.read(path, None) {
                Some(read) => {
                    // The only holder gives its trees away instead of copying them.
                    self.parsed.remove(path);
                    match Arc::try_unwrap(read) {
                        Ok(read) => documents.extend(read),
                        Err(shared) => documents.extend(shared.iter().cloned()),
                    }
                }
                None => complete = false,
            }
        }
        complete.then_some(documents)
    }

    fn too_many_files(&mut self) {
        let finding = Finding::error("too-many-files", "", "the project is made of too many files");
        self.report.add(finding.help(format!("at most {MOST_FILES} files")));
    }

    /// The documents of one file; `from` is the place that names it.
    pub(crate) fn read(&mut self, path: &LocalPath, from: Option<&Node>) -> Option<Arc<Vec<Node>>> {
        if let Some(known) = self.parsed.get(path) {
            return Some(Arc::clone(known));
        }
        if self.parsed.len() >= MOST_FILES {
            self.too_many_files();
            return None;
        }
        let bytes = match self.files.get(path)? {
            FileContent::Bytes(bytes) => bytes,
            FileContent::Encrypted(_) => {
                let finding = encrypted::of_manifest(path);
                self.report.add(from.iter().fold(finding, |finding, node| finding.at(node.place)));
                return None;
            }
            other => {
                let mut finding = Finding::error("unreadable-file", "", describe(path, other))
                    .help("create the file, or correct its name where it is named");
                if let Some(node) = from {
                    finding = finding.at(node.place);
                }
                self.report.add(finding);
                return None;
            }
        };
        let text = parse::decode(bytes, path, Content::Manifest, self.report).ok()?;
        let source = self.report.sources.add(path.clone(), Arc::clone(&text), Content::Manifest);
        let documents = Arc::new(parse::documents(&text, source, self.report).ok()?);
        let values = documents.iter().map(Node::count).sum();
        let place = from.or_else(|| documents.first()).map(|node| node.place);
        if !self.report.spend_values(values, place) {
            return None;
        }
        self.parsed.insert(path.clone(), Arc::clone(&documents));
        Some(documents)
    }

    /// Interpolates, checks, extends and merges the documents.
    pub(crate) fn merge_all(
        &mut self,
        documents: Vec<Node>,
        environment: &mut Environment,
    ) -> Option<Node> {
        let mut model: Option<Node> = None;
        let mut overrides = lint::Overrides::default();
        for document in documents {
            let Some(layer) = self.layer(document, self.directory, environment) else {
                continue;
            };
            let mut layer = extends::apply(self, layer, environment);
            if let Some(list) = layer.take("include") {
                include::apply(self, &mut layer, &list, environment);
            }
            if let Some(base) = &model {
                overrides.look(base, &layer);
            }
            let mut merged = match model {
                None => merge::alone(&PROJECT, layer, "", self.report),
                Some(base) => merge::merge(&PROJECT, base, layer, "", self.report),
            };
            nulls::settle(&PROJECT, &mut merged, "", self.report);
            model = Some(merged);
        }
        if let Some(model) = &model {
            overrides.check(model, self.report);
        }
        model
    }

    /// One document in canonical form.
    pub(crate) fn layer(
        &mut self,
        mut document: Node,
        directory: &LocalPath,
        environment: &mut Environment,
    ) -> Option<Node> {
        if !matches!(document.value, Value::Map(_)) {
            let message = format!("a Compose file is a mapping, this is {}", document.kind());
            self.report.add(Finding::error("wrong-kind", "", message).at(document.place));
            return None;
        }
        environment.apply(&mut document, self.report);
        let home = environment.get("HOME");
        external_names(&mut document, self.report);
        let mut check =
            Check { report: self.report, directory, home: home.as_deref(), no_effect: false };
        let mut layer = check.object(&PROJECT, document, "");
        if let Some(layer) = &mut layer {
            bound_devices(layer, &mut check);
        }
        layer
    }
}

/// The device of a volume that is a bind in truth is a path like any other; the driver must be said.
fn bound_devices(layer: &mut Node, check: &mut Check<'_>) {
    let volumes = layer.get_mut("volumes").and_then(Node::as_map_mut);
    for (key, entry) in volumes.into_iter().flatten() {
        let text = |path: &[&str]| entry.node.at(path).and_then(Node::as_text);
        let is_bind =
            text(&["driver"]) == Some("local") && text(&["driver_opts", "o"]) == Some("bind");
        let device = entry.node.get_mut("driver_opts").and_then(|node| node.get_mut("device"));
        let Some(device) = device.filter(|_| is_bind) else {
            continue;
        };
        let field = format!("{}.driver_opts.device", child("volumes", key));
        let path = device.as_text().map(str::to_owned);
        let path = path.and_then(|path| check.absolute(&path, device, &field));
        if let Some(path) = path {
            device.value = Value::Text(path.into());
        }
    }
}

/// The deprecated `external: {name: x}` becomes `external: true` and `name: x`.
fn external_names(document: &mut Node, report: &mut Report) {
    for section in ["networks", "volumes", "configs", "secrets"] {
        let map = document.get_mut(section).and_then(Node::as_map_mut);
        for (key, entry) in map.into_iter().flatten() {
            let Some(external) = entry.node.get_mut("external") else {
                continue;
            };
            let Some(name) = external.take("name") else {
                continue;
            };
            external.value = Value::Bool(true);
            let field = format!("{}.external", child(section, key));
            report.add(
                Finding::warning(
                    "old-external",
                    &field,
                    "the name of something external stands beside external",
                )
                .at(name.place)
                .help("write external: true, and name: on a line of its own"),
            );
            if entry.node.get("name").is_none() {
                entry.node.set("name", name);
            } else {
                let message = format!("{field}.name and the name beside it exclude each other");
                report.add(
                    Finding::error("exclusive-keys", &field, message)
                        .at(name.place)
                        .help("write external: true, and name: on a line of its own"),
                );
            }
        }
    }
}
