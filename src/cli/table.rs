//! Tables: one row per object, columns aligned, cells coloured by what they mean.

use anstyle::Style;
use comfy_table::{Table as Grid, presets};

use crate::cli::output::{BOLD, styled};

/// Spaces between two columns.
const GAP: u16 = 3;

/// One cell.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A cell in a style.
    pub(super) fn styled(style: Style, text: impl Into<String>) -> Self {
        Self { text: text.into(), style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), style: Style::new() }
    }
}

/// A table in the making.
#[derive(Clone, Debug)]
pub(super) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these columns.
    pub(super) fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The text, one line per row, with colours.
    pub(super) fn render(&self) -> String {
        let mut grid = Grid::new();
        grid.load_style(presets::NOTHING);
        grid.set_header(self.header.clone());
        for row in &self.rows {
            grid.add_row(row.iter().map(|cell| one_line(&cell.text)));
        }
        for column in grid.column_iter_mut() {
            column.set_padding((0, GAP));
        }
        let widths: Vec<usize> = grid
            .column_max_content_widths()
            .into_iter()
            .map(|width| usize::from(width.saturating_add(GAP)))
            .collect();
        let heading = vec![BOLD; self.header.len()];
        let styles =
            self.rows.iter().map(|row| row.iter().map(|cell| cell.style).collect::<Vec<_>>());
        grid.lines()
            .zip(std::iter::once(heading).chain(styles))
            .map(|(line, styles)| paint(&line, &widths, &styles) + "\n")
            .collect()
    }
}

/// An empty cell is shown as `-`, as other tools do; a line break would make a second line.
fn one_line(text: &str) -> String {
    if text.is_empty() {
        return "-".to_owned();
    }
    text.replace(['\n', '\r', '\t'], " ")
}

/// Colours the columns of one line. The table crate counts escape codes as text, so they come last.
fn paint(line: &str, widths: &[usize], styles: &[Style]) -> String {
    let mut characters = line.chars();
    let mut painted = String::new();
    for (width, style) in widths.iter().zip(styles) {
        let cell: String = characters.by_ref().take(*width).collect();
        let text = cell.trim_end();
        painted.push_str(&styled(*style, text));
        painted.extend(std::iter::repeat_n(' ', cell.chars().count() - text.chars().count()));
    }
    painted.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::GOOD;

    #[test]
    fn columns_align_and_colours_take_no_room() {
        let mut table = Table::new(&["NAME", "STATE"]);
        table.row(vec!["shop".into(), Cell::styled(GOOD, "Ready")]);
        table.row(vec!["a-long-name".into(), "".into()]);
        let plain = anstream::adapter::strip_str(&table.render()).to_string();
        assert_eq!(plain, "NAME          STATE\nshop          Ready\na-long-name   -\n");
        assert!(table.render().contains(&styled(GOOD, "Ready")));
    }
}
