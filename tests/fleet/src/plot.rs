//! A picture of a few lines as SVG: no more than the documents need.

use std::fmt::Write as _;

/// Values along a line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// A picture.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) title: String,
    /// What the axes say.
    pub(crate) across: String,
    pub(crate) up: String,
    pub(crate) lines: Vec<Line>,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
/// Told apart in print and by most eyes.
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];
const STEPS: u8 = 5;

impl Plot {
    /// The picture. Both axes begin at zero.
    pub(crate) fn svg(&self) -> String {
        let all = || self.lines.iter().flat_map(|line| &line.points);
        let most_across = round_up(all().map(|point| point.0).fold(0.0, f64::max));
        let most_up = round_up(all().map(|point| point.1).fold(0.0, f64::max));
        let x = |value: f64| LEFT + value / most_across * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - value / most_up * (HEIGHT - TOP - BOTTOM);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
        );
        // Writing to a string does not fail, here and below.
        let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{}</text>", self.title);
        for step in 0..=STEPS {
            let part = f64::from(step) / f64::from(STEPS);
            let (across, up) = (most_across * part, most_up * part);
            let (left, right, low) = (x(0.0), x(most_across), y(0.0));
            let _ = writeln!(
                out,
                "<line x1=\"{left:.1}\" y1=\"{h:.1}\" x2=\"{right:.1}\" y2=\"{h:.1}\" stroke=\"#ddd\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{up:.0}</text>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{across:.0}</text>",
                left - 8.0,
                y(up) + 4.0,
                x(across),
                low + 18.0,
                h = y(up),
            );
        }
        let _ =
            writeln!(out, "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>", x(most_across) + 8.0, y(0.0) + 18.0, self.across);
        let _ = writeln!(out, "<text x=\"8\" y=\"{:.1}\">{}</text>", TOP - 2.0, self.up);
        for (line, colour) in self.lines.iter().zip(COLOURS) {
            let points: Vec<String> =
                line.points.iter().map(|point| format!("{:.1},{:.1}", x(point.0), y(point.1))).collect();
            let _ = writeln!(
                out,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                points.join(" ")
            );
            if let Some(last) = line.points.last() {
                let (x, y) = (x(last.0) + 8.0, y(last.1) + 4.0);
                let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{colour}\">{}</text>", line.name);
            }
        }
        out.push_str("</svg>\n");
        out
    }
}

/// The next number of one digit and zeros.
fn round_up(value: f64) -> f64 {
    let unit = 10_f64.powf(value.max(1e-9).log10().floor());
    (value / unit).ceil().max(1.0) * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_where_its_points_are() {
        let line = Line { name: "one".into(), points: vec![(0.0, 0.0), (1000.0, 50.0)] };
        let plot = Plot { title: "t".into(), across: "a".into(), up: "u".into(), lines: vec![line] };
        let svg = plot.svg();
        assert!(svg.contains("points=\"60.0,310.0 490.0,40.0\""), "{svg}");
        assert!(svg.contains(">one</text>") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn axes_end_at_round_numbers() {
        assert!((round_up(41.0) - 50.0).abs() < 1e-9 && (round_up(1000.0) - 1000.0).abs() < 1e-9);
    }
}
