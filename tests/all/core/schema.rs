//! The schema of both databases as it really is after all migrations, for review: what one has and the other lacks, shows.

use std::fmt::Write as _;

use tenantry_tests::{Database, Options, TestApp, run};

#[test]
fn sqlite_has_the_reviewed_schema() {
    run(Database::Sqlite, Options::default(), async |app| {
        let mut out = String::from("# SQLite's own words, in one line each. UPDATE_SNAPSHOTS=1 rewrites it.\n");
        let find = "select tbl_name, sql from sqlite_master where sql is not null and name not like 'sqlite_%' order by tbl_name, type desc, name";
        let mut table = String::new();
        for row in app.rows(find).await {
            let (name, sql): (String, String) = (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
            if name != table {
                out.push('\n');
                table = name;
            }
            let _ = writeln!(out, "{}", one_per_line(&sql));
        }
        crate::snapshots::compare("snapshots/schema-sqlite.txt", &out);
    });
}

/// A column or constraint each line, without comments.
fn one_per_line(sql: &str) -> String {
    let lines: Vec<_> =
        sql.lines().map(|line| line.split("--").next().unwrap_or_default().trim()).filter(|line| !line.is_empty()).collect();
    lines.join("\n  ").replace("\n  )", "\n)")
}

const TABLES: &str = "select table_name::text from information_schema.tables where table_schema = 'public' order by 1";

async fn list(app: &TestApp, sql: &str) -> Vec<String> {
    app.rows(sql).await.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

#[test]
fn postgres_has_the_reviewed_schema() {
    run(Database::Postgres, Options::default(), async |app| {
        let mut out = String::from("# PostgreSQL's catalogue. UPDATE_SNAPSHOTS=1 rewrites it.\n");
        for table in list(app, TABLES).await {
            let columns = format!(
                "select column_name || ' ' || data_type || case is_nullable when 'NO' then ' not null' else '' end
                || case is_identity when 'YES' then ' identity' else '' end || coalesce(' default ' || column_default, '')
                from information_schema.columns where table_schema = 'public' and table_name = '{table}' order by ordinal_position"
            );
            let constraints = format!(
                "select conname || ': ' || pg_get_constraintdef(oid) from pg_constraint where conrelid = 'public.{table}'::regclass
                and contype <> 'n' order by contype desc, conname"
            );
            let indexes = format!(
                "select indexname || ': ' || regexp_replace(indexdef, '^CREATE (UNIQUE )?INDEX .* USING ', '\\1') from pg_indexes
                where schemaname = 'public' and tablename = '{table}' order by indexname"
            );
            let _ = writeln!(out, "\n{table}");
            for sql in [columns, constraints, indexes] {
                list(app, &sql).await.iter().for_each(|line| out.push_str(&format!("  {line}\n")));
                out.push_str("  --\n");
            }
        }
        crate::snapshots::compare("snapshots/schema-postgres.txt", &out);
    });
}

#[test]
fn both_databases_have_the_same_columns() {
    let columns = |database| {
        let mut found = Vec::new();
        run(database, Options::default(), async |app| {
            let (tables, columns) = match database {
                Database::Sqlite => (
                    "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by 1",
                    "select name from pragma_table_info('{}')",
                ),
                Database::Postgres => (
                    TABLES,
                    "select column_name::text from information_schema.columns where table_schema = 'public' and table_name = '{}' order by ordinal_position",
                ),
            };
            for table in list(app, tables).await {
                COLUMNS.with_borrow_mut(|all| all.push(table.clone()));
                let names = list(app, &columns.replace("{}", &table)).await.join(", ");
                COLUMNS.with_borrow_mut(|all| all.push(names));
            }
        });
        COLUMNS.with_borrow_mut(|all| std::mem::swap(all, &mut found));
        found
    };
    assert_eq!(columns(Database::Sqlite), columns(Database::Postgres));
}

thread_local! {
    /// What a test body, which answers nothing, found.
    static COLUMNS: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) };
}
