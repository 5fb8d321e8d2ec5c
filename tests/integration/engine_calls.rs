//! docs/engine-api.md against the source of the engine's adapter: every call is in the list, and nothing else is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};

/// A line of the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Allowed {
    /// HTTP method.
    pub(crate) method: String,
    /// Path without version; `*` for one piece, `**` for one or more.
    pub(crate) path: String,
}

impl Allowed {
    fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned() }
    }
}

/// What a controller needs, as it stands in the document.
pub(crate) fn allowed() -> Vec<Allowed> {
    let text = document();
    let (controller, _) = text.split_once("The controller has no use for what follows").unwrap();
    rows(controller)
}

fn document() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join("docs/engine-api.md")).unwrap()
}

fn rows(text: &str) -> Vec<Allowed> {
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
        let (method, path) = (cells.next()?, cells.next()?);
        let path = path.strip_prefix('`')?.strip_suffix('`')?;
        Some(Allowed::new(method, path))
    });
    let rows: Vec<Allowed> = rows.collect();
    assert!(rows.len() > 20, "docs/engine-api.md has hardly a row");
    rows
}

/// Calls that the client crate makes with its own methods.
const CLIENT: &[(&str, &str, &str)] = &[
    ("remove_network", "DELETE", "/networks/*"),
    ("connect_network", "POST", "/networks/*/connect"),
    ("disconnect_network", "POST", "/networks/*/disconnect"),
    ("start_container", "POST", "/containers/*/start"),
    ("stop_container", "POST", "/containers/*/stop"),
    ("rename_container", "POST", "/containers/*/rename"),
    ("unpause_container", "POST", "/containers/*/unpause"),
    ("remove_container", "DELETE", "/containers/*"),
    ("start_exec", "POST", "/exec/*/start"),
];
/// Carries every other request, which replaces its path (src/engine/docker/raw.rs).
const CARRIER: &str = "export_container";

/// What a file of the adapter calls.
#[derive(Default)]
struct Calls {
    found: BTreeSet<Allowed>,
    unknown: Vec<String>,
    /// Paths that were made before they were used.
    paths: Vec<(String, String)>,
}

impl<'ast> Visit<'ast> for Calls {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !item.attrs.iter().any(|one| one.path().is_ident("cfg")) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if let (syn::Pat::Ident(name), Some(init)) = (&local.pat, &local.init)
            && let Some(path) = path_of(&init.expr, &[])
        {
            self.paths.push((name.ident.to_string(), path));
        }
        visit::visit_local(self, local);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(function) = &*call.func {
            let names: Vec<String> =
                function.path.segments.iter().map(|one| one.ident.to_string()).collect();
            let method = match names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["RawRequest", "get"] => Some("GET"),
                ["RawRequest" | "Request", "post"] => Some("POST"),
                ["RawRequest", "put"] => Some("PUT"),
                ["RawRequest", "delete"] => Some("DELETE"),
                _ => None,
            };
            if let (Some(method), Some(first)) = (method, call.args.first()) {
                match path_of(first, &self.paths) {
                    Some(path) => drop(self.found.insert(Allowed::new(method, &path))),
                    None => self.unknown.push(format!("{method} with a path that is not seen")),
                }
            }
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let on_client = match &*call.receiver {
            syn::Expr::Field(field) => {
                matches!(&field.member, syn::Member::Named(name) if name == "docker")
            }
            syn::Expr::Path(path) => path.path.is_ident("docker"),
            _ => false,
        };
        let name = call.method.to_string();
        let plain = ["clone", "with_timeout", "with_request_modifier", CARRIER];
        if on_client && !plain.contains(&name.as_str()) {
            match CLIENT.iter().find(|(known, ..)| *known == name) {
                Some((_, method, path)) => drop(self.found.insert(Allowed::new(method, path))),
                None => self.unknown.push(format!("the client's {name}")),
            }
        }
        visit::visit_expr_method_call(self, call);
    }
}

/// The path that an expression makes, in the form of the list.
fn path_of(expression: &syn::Expr, known: &[(String, String)]) -> Option<String> {
    match expression {
        syn::Expr::Lit(literal) => match &literal.lit {
            syn::Lit::Str(text) => in_list_form(&text.value()),
            _ => None,
        },
        syn::Expr::Reference(reference) => path_of(&reference.expr, known),
        syn::Expr::Macro(call) if call.mac.path.is_ident("format") => {
            let first = call.mac.tokens.clone().into_iter().next()?;
            in_list_form(&syn::parse_str::<syn::LitStr>(&first.to_string()).ok()?.value())
        }
        syn::Expr::Path(path) => {
            let name = path.path.get_ident()?.to_string();
            known.iter().rev().find(|(one, _)| *one == name).map(|(_, path)| path.clone())
        }
        _ => None,
    }
}

/// `/v{api}/images/{}/json` → `/images/**/json`: names of images have slashes.
fn in_list_form(text: &str) -> Option<String> {
    let text = text.strip_prefix("/v{api}").unwrap_or(text);
    let text = text.split('?').next().unwrap_or(text);
    if !text.starts_with('/') {
        return None;
    }
    let pieces: Vec<&str> = text.split('/').collect();
    let many = pieces.get(1).is_some_and(|first| ["images", "distribution"].contains(first))
        && pieces.last() == Some(&"json");
    let piece = |piece: &&str| match piece.starts_with('{') {
        true if many => "**".to_owned(),
        true => "*".to_owned(),
        false => (*piece).to_owned(),
    };
    Some(pieces.iter().map(piece).collect::<Vec<_>>().join("/"))
}

fn sources(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_call_of_the_adapter_is_in_the_list_and_nothing_else() {
    let mut texts = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine/docker"), &mut texts);
    let mut calls = Calls::default();
    for text in texts {
        calls.paths.clear();
        calls.visit_file(&syn::parse_file(&text).unwrap());
    }
    assert_eq!(calls.unknown, Vec::<String>::new(), "calls that this test does not see through");
    let listed: BTreeSet<Allowed> = rows(&document()).into_iter().collect();
    let missing: Vec<_> = calls.found.difference(&listed).collect();
    assert!(missing.is_empty(), "not in docs/engine-api.md: {missing:?}");
    let idle: Vec<_> = listed.difference(&calls.found).collect();
    assert!(idle.is_empty(), "in docs/engine-api.md, but nobody calls it: {idle:?}");
}
