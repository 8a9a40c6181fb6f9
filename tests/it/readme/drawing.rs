//! A terminal's screen as SVG.

use std::fmt::Write as _;

use vt100::{Cell, Color, Screen};

/// Of a character, in a font of this size, in pixels. Most monospaced fonts are 0.6 as wide as high.
const FONT: f32 = 14.0;
const WIDTH: f32 = 0.6 * FONT;
const HEIGHT: f32 = 20.0;

/// Around the text.
const MARGIN: f32 = 20.0;

/// Above it, for the window's buttons.
const BAR: f32 = 36.0;

/// No font comes along, so these are what systems have. Dark on pages of either colour.
const STYLE: &str = "\
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', \
'Liberation Mono', monospace; fill: #d7dde4; white-space: pre }
.bold { font-weight: bold; fill: #fff } .dim { opacity: .6 }
.c1 { fill: #ff7b72 } .c2 { fill: #56d364 } .c3 { fill: #e3b341 } .c4 { fill: #79c0ff }
.c5 { fill: #d2a8ff } .c6 { fill: #56d4dd } .c8 { fill: #8b949e }
";

/// The screen's first `rows`; `title` is for those who can't see it.
pub(super) fn svg(screen: &Screen, rows: u16, title: &str) -> String {
    let (_, columns) = screen.size();
    let width = f32::from(columns) * WIDTH + 2.0 * MARGIN;
    let height = f32::from(rows) * HEIGHT + MARGIN + BAR;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" role=\"img\" xml:space=\"preserve\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n\
         <rect x=\".5\" y=\".5\" width=\"{:.0}\" height=\"{:.0}\" rx=\"10\" fill=\"#10151c\" \
         stroke=\"#3d444d\"/>\n",
        width - 1.0,
        height - 1.0,
    );
    for (at, colour) in [(0.0, "#ff5f57"), (1.0, "#febc2e"), (2.0, "#28c840")] {
        let x = MARGIN + 3.0 + 20.0 * at;
        let _ = writeln!(
            svg,
            "<circle cx=\"{x}\" cy=\"20\" r=\"6\" fill=\"{colour}\"/>"
        );
    }
    for row in 0..rows {
        let y = BAR + HEIGHT * (f32::from(row) + 0.75);
        let _ = write!(svg, "<text y=\"{y:.0}\">");
        for (column, class, text) in runs(screen, row, columns) {
            let x = MARGIN + WIDTH * f32::from(column);
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            let class = if class.is_empty() {
                class
            } else {
                format!(" class=\"{class}\"")
            };
            let _ = write!(svg, "<tspan x=\"{x:.1}\"{class}>{text}</tspan>");
        }
        svg.push_str("</text>\n");
    }
    svg + "</svg>\n"
}

/// What stands in a row: from which column on, how it looks, and the text. What comes after a gap
/// stands for itself, so that columns stay columns in a font that is wider or narrower.
fn runs(screen: &Screen, row: u16, columns: u16) -> Vec<(u16, String, String)> {
    let mut runs: Vec<(u16, String, String)> = Vec::new();
    for (column, cell) in (0..columns).filter_map(|at| Some((at, screen.cell(row, at)?))) {
        let text = if cell.has_contents() {
            cell.contents()
        } else {
            " "
        };
        let class = look(cell);
        match runs.last_mut() {
            Some((_, last, run)) if *last == class && (text == " " || !run.ends_with("  ")) => {
                run.push_str(text);
            }
            _ => runs.push((column, class, text.to_owned())),
        }
    }
    if let Some((_, _, last)) = runs.last_mut() {
        last.truncate(last.trim_end().len());
    }
    runs.retain(|(_, _, text)| !text.trim().is_empty());
    runs
}

fn look(cell: &Cell) -> String {
    let mut classes = Vec::new();
    if cell.bold() {
        classes.push("bold".to_owned());
    }
    if cell.dim() {
        classes.push("dim".to_owned());
    }
    if let Color::Idx(colour) = cell.fgcolor() {
        classes.push(format!("c{colour}"));
    }
    classes.join(" ")
}
