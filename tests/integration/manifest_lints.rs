//! The lints as a whole: their codes, their documentation, their cases. The cases themselves are `manifest_cases`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use composelet::manifest::{Dialect, Entry, LINTS, Teller};
use composelet::model::diagnostic::Severity;
use composelet::model::path::LocalPath;
use syn::visit::{self, Visit};

use crate::manifest_cases::{cases, is_lint, load_from_disk};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Codes of warnings and notes as the source gives them: `Finding::warning("code", …)`.
#[derive(Default)]
struct Told(BTreeSet<(Severity, String)>);

impl Visit<'_> for Told {
    fn visit_expr_call(&mut self, call: &syn::ExprCall) {
        if let syn::Expr::Path(path) = &*call.func {
            let words: Vec<String> =
                path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            let severity = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["Finding", "warning"] => Some(Severity::Warning),
                ["Finding", "note"] => Some(Severity::Note),
                _ => None,
            };
            if let Some(severity) = severity {
                let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(code), .. }) = &call.args[0]
                else {
                    panic!("the code of a finding is a literal");
                };
                self.0.insert((severity, code.value()));
            }
        }
        visit::visit_expr_call(self, call);
    }
}

fn told() -> BTreeSet<(Severity, String)> {
    let mut told = Told::default();
    let mut open = vec![root().join("src/manifest")];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                told.visit_file(&syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap());
            }
        }
    }
    told.0
}

#[test]
fn every_warning_and_note_is_in_the_table() {
    let table: BTreeSet<(Severity, String)> =
        LINTS.iter().map(|lint| (lint.severity, lint.code.to_owned())).collect();
    assert_eq!(table, told(), "src/manifest/lint/codes.rs against Finding::warning and ::note");
    assert!(LINTS.is_sorted_by_key(|lint| lint.code));
}

#[test]
fn every_code_has_a_section_of_the_page_and_no_section_is_left_over() {
    let page = fs::read_to_string(root().join("docs/lints.md")).unwrap();
    let sections: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let codes: Vec<&str> = LINTS.iter().map(|lint| lint.code).collect();
    let headings: BTreeSet<&str> = sections.iter().copied().collect();
    assert_eq!(headings.len(), sections.len(), "a section stands twice");
    assert_eq!(headings, codes.into_iter().collect());
}

#[test]
fn every_lint_has_a_case_that_fires_and_its_family_one_that_is_silent() {
    let mut fired = BTreeSet::new();
    let all = cases();
    for case in all.iter().filter(|case| is_lint(case)) {
        let name = case.file_name().unwrap().to_str().unwrap();
        let loaded = load_from_disk(&Entry::Directory(LocalPath::new(case)), Dialect::Controller);
        assert!(loaded.project.is_some(), "{name}: {:?}", loaded.diagnostics);
        if name.ends_with("-silent") {
            assert!(loaded.diagnostics.is_empty(), "{name}: {:?}", loaded.diagnostics);
            continue;
        }
        assert!(!loaded.diagnostics.is_empty(), "{name}");
        for found in &loaded.diagnostics {
            assert!(found.help.is_some(), "{name}: {} says not what to do", found.code);
            assert!(found.location.is_some() || found.code == "variant-file", "{name}: {found:?}");
        }
        fired.extend(loaded.diagnostics.into_iter().map(|found| found.code));
        let silent = case.with_file_name(format!("{name}-silent"));
        assert!(name.starts_with("lint-as-written-") || all.contains(&silent), "{silent:?}");
    }
    for lint in LINTS.iter().filter(|lint| lint.teller == Teller::Lints) {
        assert!(fired.contains(lint.code), "no case shows {}", lint.code);
    }
}

#[test]
fn no_lint_shows_a_secret() {
    let case = root().join("tests/fixtures/manifest/lint-secrets");
    let loaded = load_from_disk(&Entry::Directory(LocalPath::new(case)), Dialect::Controller);
    let found = loaded.diagnostics.iter().filter(|found| found.code == "secret-in-manifest");
    assert_eq!(found.count(), 13);
    for diagnostic in &loaded.diagnostics {
        let text = format!("{diagnostic:?}{}", composelet::manifest::render(diagnostic, false));
        assert!(!text.contains("fixture-"), "{text}");
    }
}

#[test]
fn the_sample_is_silent() {
    let sample = root().join("desired-state/hello");
    let loaded = load_from_disk(&Entry::Directory(LocalPath::new(sample)), Dialect::Controller);
    assert_eq!(loaded.diagnostics, Vec::new());
}
