//! What is printed: two tables in Markdown.

/// One figure beside its floor (or an older build's), or beside what was asked for.
pub(crate) struct Line {
    pub(crate) what: String,
    pub(crate) floor: String,
    pub(crate) product: String,
    pub(crate) ratio: String,
    pub(crate) target: &'static str,
    pub(crate) reached: Option<bool>,
}

/// Everything that was measured.
pub(crate) struct Report {
    columns: [&'static str; 2],
    lines: Vec<Line>,
    latencies: Vec<String>,
}

impl Report {
    /// An empty one with these columns: what is compared with, and what is measured.
    pub(crate) fn new(columns: [&'static str; 2]) -> Self {
        Self { columns, lines: Vec::new(), latencies: Vec::new() }
    }

    pub(crate) fn line(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// A rate beside its floor's; the target is at least `least` of it.
    pub(crate) fn ratio(&mut self, what: &str, (floor, product): (f64, f64), ratio: f64, goal: Option<(f64, &'static str)>) {
        self.line(Line {
            what: what.to_owned(),
            floor: format!("{floor:.0}/s"),
            product: format!("{product:.0}/s"),
            ratio: format!("{:.0} %", ratio * 100.0),
            target: goal.map_or("", |goal| goal.1),
            reached: goal.map(|(least, _)| ratio >= least),
        });
    }

    /// A figure without a floor.
    pub(crate) fn figure(&mut self, what: &str, value: String, goal: Option<(bool, &'static str)>) {
        let (target, reached) = goal.map_or(("", None), |(reached, target)| (target, Some(reached)));
        self.line(Line { what: what.to_owned(), floor: String::new(), product: value, ratio: String::new(), target, reached });
    }

    pub(crate) fn latency(&mut self, what: &str, rate: f64, outcome: &crate::load::Outcome) {
        let [p50, p99, p999] = [50.0, 99.0, 99.9].map(|percent| format!("{:.2}", outcome.ms(percent)));
        self.latencies.push(format!("| {what} | {rate:.0} | {p50} | {p99} | {p999} |"));
    }

    pub(crate) fn progress(&self, what: &str) {
        eprintln!("bench: {what}");
    }

    #[expect(clippy::print_stdout, reason = "the report is what this program is for")]
    pub(crate) fn print(&self) {
        let [floor, product] = self.columns;
        println!("| | {floor} | {product} | ratio | target | |\n| --- | --- | --- | --- | --- | --- |");
        for line in &self.lines {
            let verdict = line.reached.map_or("", |reached| if reached { "reached" } else { "**missed**" });
            println!("| {} | {} | {} | {} | {} | {verdict} |", line.what, line.floor, line.product, line.ratio, line.target);
        }
        if !self.latencies.is_empty() {
            println!("\n| at a constant rate | requests/s | p50 ms | p99 ms | p99.9 ms |\n| --- | --- | --- | --- | --- |");
            self.latencies.iter().for_each(|line| println!("{line}"));
        }
    }
}
