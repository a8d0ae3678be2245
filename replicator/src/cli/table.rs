//! How tables are shown to a person: no borders, no colour, one row a line.

use comfy_table::{Cell, CellAlignment, Table};

/// A table under a heading; columns whose heading begins with `>` are numbers, and stand to the right.
pub fn table(heading: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).force_no_tty();
    table.set_header(heading.iter().map(|h| Cell::new(h.trim_start_matches('>'))));
    table.add_rows(rows);
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if i == 0 { 0 } else { 3 }, 0));
        if heading.get(i).is_some_and(|h| h.starts_with('>')) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_neither_border_nor_ragged_end() {
        let text = table(
            &["TABLE", ">ROWS", "NOTE"],
            [
                vec!["public.a".into(), "1,204".into(), String::new()],
                vec!["public.long".into(), "2".into(), "4 masked".into()],
            ],
        );
        assert_eq!(text, "TABLE          ROWS   NOTE\npublic.a      1,204\npublic.long       2   4 masked");
    }
}
