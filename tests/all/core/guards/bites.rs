//! That each guard bites: it complains about a bad file, and not about the good one beside it.

use super::{File, areas, lexer, names, style};

type Rule = fn(&[File]) -> Vec<String>;

#[test]
fn every_guard_complains_about_a_bad_file_and_only_there() {
    let rows: &[(&str, Rule, &str, &str, bool)] = &[
        ("a face forges facts", names::fenced, "services/api/src/x.rs", "let facts = Standing::assembled(a, b, c);", true),
        ("under another name", names::fenced, "services/api/src/x.rs", "use domain::Standing as S; S::assembled(a, b, c);", true),
        ("a variable of that name", names::fenced, "services/api/src/x.rs", "let assembled = boot(); assembled.worker;", false),
        ("a comment tells of it", names::fenced, "services/api/src/x.rs", "// Standing::assembled(…)\nfn x() {}", false),
        ("the store reads facts", names::fenced, "libs/store/src/authorization/x.rs", "Standing::assembled(a, b, c)", false),
        ("a use case names the ORM", names::fenced, "libs/app/src/x.rs", "use sea_orm::EntityTrait;", true),
        ("it imports it whole", names::fenced, "libs/app/src/x.rs", "use sea_orm;", true),
        ("a longer word", names::fenced, "libs/app/src/x.rs", "use not_sea_orm::X; let sea_orm_like = 1;", false),
        ("a job names apalis", names::fenced, "services/worker/src/jobs/x.rs", "use apalis::prelude::*;", true),
        ("a use case calls out", names::fenced, "libs/app/src/x.rs", "reqwest::get(url).await", true),
        ("a library reads the environment", names::fenced, "libs/app/src/x.rs", "std::env::vars().count()", true),
        ("a use case writes SQL", names::statements, "libs/app/src/x.rs", "q(\"select id from users\")", true),
        ("over several lines", names::statements, "libs/app/src/x.rs", "q(\"\n  Update users\n  set a = 1\")", true),
        ("in a raw literal", names::statements, "libs/app/src/x.rs", "q(r#\"delete from \"users\"\"#)", true),
        ("a common table", names::statements, "libs/app/src/x.rs", "\"with a as (select 1) select 2\"", true),
        ("English", names::statements, "libs/app/src/x.rs", "say(\"select an organization\"); // select a from b", false),
        ("the store writes SQL", names::statements, "libs/store/src/x.rs", "q(\"select id from users\")", false),
        (
            "a face lifts a ban",
            names::lifted_bans,
            "services/api/src/faces/x.rs",
            "#[allow(clippy::disallowed_methods, reason = \"hurry\")]",
            true,
        ),
        ("a bare allow", style::reasons, "libs/app/src/x.rs", "#[allow(dead_code)]\nfn x() {}", true),
        ("a bare expect, inside", style::reasons, "libs/app/src/x.rs", "#![expect(\n    unused,\n)]", true),
        ("an allow with a reason", style::reasons, "libs/app/src/x.rs", "#[allow(dead_code, reason = \"macro\")]", false),
        ("mod.rs", style::modules, "libs/app/src/x/mod.rs", "", true),
        ("x.rs", style::modules, "libs/app/src/x.rs", "", false),
        ("an area of its own", areas::same, "libs/app/src/helpers/x.rs", "", true),
        ("an area that the vocabulary lacks", areas::same, "libs/app/src/billing/x.rs", "", true),
        ("a file in no area", areas::same, "libs/app/src/util.rs", "", true),
        ("races go across the areas", areas::same, "tests/all/races/x.rs", "", false),
    ];
    let mut wrong = Vec::new();
    for (name, rule, path, text, bad) in rows {
        let complaints = rule(&[File::new(path, text)]);
        if complaints.is_empty() == *bad {
            wrong.push(format!("{name}: {complaints:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_of_four_hundred_lines_is_long_enough() {
    assert!(style::lengths(&[File::new("libs/app/src/x.rs", &"\n".repeat(400))]).is_empty());
    assert_eq!(style::lengths(&[File::new("libs/app/src/x.rs", &"\n".repeat(401))]).len(), 1);
}

#[test]
fn comments_and_literals_are_told_from_code() {
    let text = "a /* b /* c */ */ \"d // \\\" e\" // f\n'\"' 'g: &'static str r#\"h \" i\"# br\"j\" '\\'' k\n/// l\n'é' m";
    let (code, literals) = lexer::split(text);
    let code: Vec<&str> = code.split_whitespace().collect();
    assert_eq!(code, ["a", "\"\"", "'", "'g:", "&'static", "str", "\"\"", "\"\"", "'", "k", "'", "m"]);
    let literals: Vec<_> = literals.iter().map(|(line, literal)| (*line, literal.as_str())).collect();
    assert_eq!(literals, [(1, "d // \" e"), (2, "h \" i"), (2, "j")]);
}
