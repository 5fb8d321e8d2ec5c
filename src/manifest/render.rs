//! Diagnostics as people read them: the line, what is underlined, what to do.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::manifest::source::visible;
use crate::model::diagnostic::{Diagnostic, Location, Severity};

/// The text of one diagnostic, with its line from the file; `styled` adds colours for a terminal. It needs no file: the
/// line travels in the diagnostic.
pub fn render(diagnostic: &Diagnostic, styled: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = if diagnostic.field.is_empty() || diagnostic.message.contains(&diagnostic.field) {
        diagnostic.message.clone()
    } else {
        format!("{}: {}", diagnostic.field, diagnostic.message)
    };
    let title = level.primary_title(title).id(&diagnostic.code);
    let mut group = match &diagnostic.location {
        Some(location) => title.element(snippet(location, AnnotationKind::Primary, "")),
        None => Group::with_title(title),
    };
    for (location, text) in &diagnostic.related {
        group = group.element(snippet(location, AnnotationKind::Context, text));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    if let Some(meanwhile) = &diagnostic.meanwhile {
        group = group.element(Level::NOTE.message(meanwhile));
    }
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

fn snippet<'a>(
    location: &'a Location,
    kind: AnnotationKind,
    label: &'a str,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let before = location.column.saturating_sub(1) as usize;
    let start = byte_of(&location.text, before);
    let end = byte_of(&location.text, before + location.width as usize);
    let mut annotation = kind.span(start..end.max(start));
    if !label.is_empty() {
        annotation = annotation.label(label);
    }
    Snippet::source(location.text.as_str())
        .line_start(location.line as usize)
        .path(location.file.display().to_string().chars().map(visible).collect::<String>())
        .annotation(annotation)
}

/// The byte at which character `index` begins.
fn byte_of(text: &str, index: usize) -> usize {
    text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
}
