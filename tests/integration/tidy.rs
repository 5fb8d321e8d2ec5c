//! The rules of the house that no compiler checks: lengths, who may import whom, forgotten files, documents in step.

mod tables;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use clap::CommandFactory;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use self::tables::{CONFINED, IMPURE_NAMES, MAY_IMPORT, PURE};
use self::tokens::{named_paths, names, names_crate};

const MOST_FUNCTION_LINES: usize = 70;
const MOST_FILE_LINES: usize = 500;
const MOST_ARCHITECTURE_LINES: usize = 250;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Paths of all files below a directory that end so, relative to the root, sorted.
fn files(directory: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root().join(directory)];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_str().unwrap().ends_with(ending) {
                found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<(String, String)> {
    let tests = files("tests/integration", ".rs").into_iter().chain(files("tests/proof", ".rs"));
    let all = files("src", ".rs").into_iter().chain(tests);
    all.map(|path| (path.clone(), read(&path))).collect()
}

/// What every file of the source names; read once, because tokens take time.
static NAMED: LazyLock<BTreeMap<String, BTreeSet<String>>> = LazyLock::new(|| {
    let all = files("src", ".rs").into_iter();
    all.map(|path| (path.clone(), named_paths(&read(&path)))).collect()
});

/// Files of the source that name one of these, at whatever place of a path.
fn naming(words: &[&str]) -> Vec<String> {
    let named = NAMED.iter().filter(|(_, paths)| words.iter().any(|word| names(paths, word)));
    named.map(|(path, _)| path.clone()).collect()
}

fn assert_none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

/// Lines of every function, with its name. Empty lines and lines of comment do not count, as for clippy.
struct Functions<'t> {
    lines: Vec<&'t str>,
    found: Vec<(String, usize)>,
}

impl Functions<'_> {
    fn add(&mut self, name: &syn::Ident, from: proc_macro2::Span, to: proc_macro2::Span) {
        let lines = &self.lines[from.start().line - 1..to.end().line];
        let is_code = |line: &&&str| !line.trim().is_empty() && !line.trim().starts_with("//");
        self.found.push((name.to_string(), lines.iter().filter(is_code).count()));
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig.ident, item.sig.span(), item.block.span());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig.ident, item.sig.span(), item.block.span());
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig.ident, item.sig.span(), block.span());
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[test]
fn functions_and_files_are_short() {
    let mut long = Vec::new();
    for (path, text) in sources() {
        let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut functions = Functions { lines: text.lines().collect(), found: Vec::new() };
        functions.visit_file(&file);
        for (name, lines) in functions.found {
            if lines > MOST_FUNCTION_LINES {
                long.push(format!("{path}: fn {name} has {lines} lines"));
            }
        }
        let tests: usize =
            file.items.iter().filter(|item| is_test_module(item)).map(lines_of).sum();
        let lines = text.lines().count() - tests;
        if lines > MOST_FILE_LINES {
            long.push(format!("{path} has {lines} lines beside its tests"));
        }
    }
    assert_none("too long", &long);
}

fn is_test_module(item: &syn::Item) -> bool {
    let syn::Item::Mod(module) = item else {
        return false;
    };
    module.attrs.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|word| word == "test")
    })
}

fn lines_of(item: &syn::Item) -> usize {
    let span = item.span();
    span.end().line + 1 - span.start().line
}

#[test]
fn modules_import_only_what_they_may() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = Vec::new();
    for path in files("src", ".rs") {
        let module = path.split('/').nth(1).unwrap();
        if path.split('/').count() == 2 {
            continue;
        }
        let Some(allowed) = allowed.get(module) else {
            wrong.push(format!("{path}: module {module} is not in the table"));
            continue;
        };
        for named in &NAMED[&path] {
            let Some(ours) = named.strip_prefix("crate::") else {
                continue;
            };
            let target = ours.split("::").next().unwrap();
            let known = MAY_IMPORT.iter().any(|(name, _)| *name == target);
            if known && target != module && !allowed.contains(&target) {
                wrong.push(format!("{path}: {module} must not import {named}"));
            }
        }
    }
    assert_none("imports against the table", &wrong);
}

#[test]
fn pure_modules_name_nothing_impure() {
    let mut wrong = Vec::new();
    for path in files("src", ".rs") {
        if !PURE.contains(&path.split('/').nth(1).unwrap()) {
            continue;
        }
        let paths = &NAMED[&path];
        for name in IMPURE_NAMES {
            let named = match *name {
                "tokio" | "bollard" | "notify" | "tracing" => names_crate(paths, name),
                other => names(paths, other),
            };
            if named {
                wrong.push(format!("{path} names {name}"));
            }
        }
    }
    assert_none("effects in pure modules", &wrong);
}

#[test]
fn client_crates_stay_in_their_adapters() {
    let mut wrong = Vec::new();
    for path in files("src", ".rs") {
        let paths = &NAMED[&path];
        for (name, home) in CONFINED {
            let at_home = home.split(' ').any(|home| path.starts_with(home));
            if names_crate(paths, name) && !at_home {
                wrong.push(format!("{path} names {name}, which belongs to {home}"));
            }
        }
    }
    assert_none("crates outside of their adapters", &wrong);
}

#[test]
fn module_roots_hold_no_code() {
    let mut wrong = Vec::new();
    for path in files("src", "mod.rs") {
        let file = syn::parse_file(&read(&path)).unwrap();
        let code = file.items.iter().find(|item| match item {
            syn::Item::Use(_) => false,
            syn::Item::Mod(module) => module.content.is_some(),
            _ => true,
        });
        if code.is_some() {
            wrong.push(format!("{path} holds more than `mod` lines and re-exports"));
        }
    }
    assert_none("code in module roots", &wrong);
}

#[test]
fn no_test_file_is_forgotten() {
    let mut forgotten = Vec::new();
    for path in files("tests/integration", ".rs") {
        let inside = path.strip_prefix("tests/integration/").unwrap().trim_end_matches(".rs");
        let module = inside.trim_end_matches("/mod");
        if module == "main" {
            continue;
        }
        let (parents, name) = match module.rsplit_once('/') {
            None => (vec!["main.rs".to_owned()], module),
            Some((above, name)) => (vec![format!("{above}/mod.rs"), format!("{above}.rs")], name),
        };
        let line = format!("mod {name};");
        let declared = parents.iter().any(|parent| {
            let text = fs::read_to_string(root().join("tests/integration").join(parent));
            text.is_ok_and(|text| {
                text.lines().any(|found| found == line || found.ends_with(&format!(" {line}")))
            })
        });
        if !declared {
            forgotten.push(format!("{path} is not declared in {}", parents.join(" or ")));
        }
    }
    assert_none("forgotten test files", &forgotten);
}

#[test]
fn only_the_output_module_prints() {
    let mut wrong = Vec::new();
    for path in files("src", ".rs") {
        let paths = &NAMED[&path];
        for name in ["println", "eprintln", "print", "eprint", "dbg"] {
            let call = format!("{name}!");
            if paths.contains(name) && read(&path).contains(&call) && path != "src/cli/output.rs" {
                wrong.push(format!("{path} calls {call}"));
            }
        }
    }
    assert_none("printing outside of src/cli/output.rs", &wrong);
}

#[test]
fn nothing_is_left_for_later() {
    let words = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X"].concat()];
    let places = [["/wo", "rk/"].concat(), ["/tm", "p/wt"].concat()];
    let documents = files("docs", ".md").into_iter().map(|path| (path.clone(), read(&path)));
    let mut wrong = Vec::new();
    for (path, text) in sources().into_iter().chain(documents) {
        for (index, line) in text.lines().enumerate() {
            if words.iter().chain(&places).any(|word| line.contains(word.as_str())) {
                wrong.push(format!("{path}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    assert_none("left for later, or of one machine only", &wrong);
}

#[test]
fn the_architecture_names_every_module() {
    let text = read("docs/ARCHITECTURE.md");
    let lines = text.lines().count();
    assert!(lines <= MOST_ARCHITECTURE_LINES, "docs/ARCHITECTURE.md has {lines} lines");
    let library = read("src/lib.rs");
    let modules =
        library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let missing: Vec<String> = modules
        .filter(|module| !text.contains(&format!("`{module}`")))
        .map(|module| format!("`{module}`"))
        .collect();
    assert_none("modules that docs/ARCHITECTURE.md does not name", &missing);
}

#[test]
fn every_invariant_has_its_test() {
    let text = read("docs/ARCHITECTURE.md");
    let (_, section) =
        text.split_once("\n## Invariants").expect("there is a section on invariants");
    let section = section.split("\n## ").next().unwrap();
    let sources: Vec<String> = sources().into_iter().map(|(_, text)| text).collect();
    let is_name = |word: &&str| {
        let parts = |character: char| {
            character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_'
        };
        word.contains('_') && word.chars().all(parts)
    };
    // Every second piece between backticks is in them.
    let named: BTreeSet<&str> = section.split('`').skip(1).step_by(2).filter(is_name).collect();
    assert!(named.len() > 5, "docs/ARCHITECTURE.md names hardly any test");
    let missing: Vec<String> = named
        .iter()
        .filter(|name| !sources.iter().any(|text| text.contains(&format!("fn {name}("))))
        .map(|name| (*name).to_owned())
        .collect();
    assert_none("tests named in docs/ARCHITECTURE.md that do not exist", &missing);
    let unnamed: Vec<String> = sources
        .iter()
        .flat_map(|text| text.split("fn ").skip(1))
        .filter_map(|rest| rest.split('(').next().filter(|name| name.starts_with("invariant_")))
        .filter(|name| {
            name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
        })
        .filter(|name| !named.contains(name))
        .map(str::to_owned)
        .collect();
    assert_none("tests of invariants that docs/ARCHITECTURE.md does not name", &unnamed);
}

#[test]
fn invariant_04_strangers_are_out_of_reach_by_name() {
    let facade = read_all("src/engine/");
    for call in [
        "start_container",
        "stop_container",
        "remove_container",
        "rename_container",
        "update_container",
    ] {
        let signature = facade.split(&format!("pub async fn {call}(")).nth(1);
        let signature = signature.unwrap_or_else(|| panic!("the facade has no {call}"));
        let arguments = signature.split(')').next().unwrap();
        assert!(
            arguments.contains("&ContainerId"),
            "{call} does not take a container's id: {arguments}"
        );
    }
}

#[test]
fn invariant_05_no_call_removes_a_volume() {
    // By itself the controller removes none; a person may, by a command and its two halves of one call.
    let person = ["src/cli/purge.rs", "src/engine/docker/purge.rs", "src/engine/purge.rs"];
    let mut wrong = naming(&["remove_volume", "prune_volumes", "RemoveVolume"]);
    wrong.retain(|path| !person.contains(&path.as_str()));
    assert_none("files that name the removal of a volume", &wrong);
}

#[test]
fn only_the_collector_removes_images() {
    // Its rules are what keeps strangers' images.
    let may =
        ["src/controller/collector.rs", "src/engine/docker/garbage.rs", "src/engine/garbage.rs"];
    let mut wrong = naming(&["remove_image", "prune_images", "prune_containers"]);
    wrong.retain(|path| !may.contains(&path.as_str()));
    assert_none("files that name the removal of an image", &wrong);
}

#[test]
fn invariant_16_every_queue_has_a_limit() {
    let wrong = naming(&["unbounded_channel", "unbounded"]);
    assert_none("files with a queue without limit", &wrong);
}

#[test]
fn invariant_17_secrets_have_no_text_form() {
    use composelet::model::secret::Secret;
    assert!(!format!("{:?}", Secret::new("hunter2")).contains("hunter2"));
    let forms: Vec<String> = files("src", ".rs")
        .into_iter()
        .filter(|path| {
            let text = read(path);
            ["Display for Secret", "Serialize for Secret", "ToString for Secret"]
                .iter()
                .any(|form| text.contains(form))
        })
        .collect();
    assert_none("text forms of secrets", &forms);
}

fn read_all(directory: &str) -> String {
    files(directory.trim_end_matches('/'), ".rs").iter().map(|path| read(path)).collect()
}

#[test]
fn every_decision_is_listed() {
    let text = read("docs/ARCHITECTURE.md");
    let unlisted: Vec<String> = files("docs/decisions", ".md")
        .into_iter()
        .filter(|path| !text.contains(path.strip_prefix("docs/").unwrap()))
        .collect();
    assert_none("decisions that docs/ARCHITECTURE.md does not list", &unlisted);
}

#[test]
fn readme_and_command_line_agree() {
    let readme = read("README.md");
    let command = composelet::cli::args::Cli::command();
    let missing: Vec<String> = command
        .get_subcommands()
        .map(|command| format!("`{}", command.get_name()))
        .filter(|name| !readme.contains(name.as_str()))
        .collect();
    assert_none("commands that README.md does not name", &missing);
    let is_end = |character: char| character.is_whitespace() || "`\"').,;".contains(character);
    let absent: Vec<String> = readme
        .split(is_end)
        .filter(|word| word.starts_with("scripts/") || word.starts_with(".ci/"))
        .filter(|word| !root().join(word).is_file())
        .map(str::to_owned)
        .collect();
    assert_none("commands in README.md that are no files", &absent);
}

#[test]
fn every_global_flag_is_documented() {
    let text = read("docs/operations.md");
    let command = composelet::cli::args::Cli::command();
    let missing: Vec<String> = command
        .get_arguments()
        .filter_map(|argument| argument.get_long())
        .map(|long| format!("`--{long}"))
        .filter(|flag| !text.contains(flag.as_str()))
        .collect();
    assert_none("flags that docs/operations.md does not name", &missing);
}
