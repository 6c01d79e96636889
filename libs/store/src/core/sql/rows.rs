//! Many rows as parameters: one array for each column on PostgreSQL, one JSON text on SQLite.
//!
//! An array of the ORM cannot hold a null (it panics), so a column that may be null travels as what [`Kind::null`] says and is
//! translated back in the statement.

use domain::Time;
use sea_orm::{DbBackend, Value, sea_query::ArrayType};
use serde_json::json;
use uuid::Uuid;

use super::Sql;

/// A column of many rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) nullable: bool,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Uuid,
    Text,
    Bool,
    I16,
    I32,
    I64,
    Time,
}

impl Kind {
    /// PostgreSQL's name of the type.
    pub(crate) const fn postgres(self) -> &'static str {
        match self {
            Self::Uuid => "uuid",
            Self::Text => "text",
            Self::Bool => "boolean",
            Self::I16 => "smallint",
            Self::I32 => "integer",
            Self::I64 => "bigint",
            Self::Time => "timestamptz",
        }
    }

    /// What stands for null in an array, as PostgreSQL writes it: outside of what the columns hold. A text that is not null has a letter
    /// before it instead. Empty: this kind is never null.
    pub(crate) const fn null(self) -> &'static str {
        match self {
            Self::I32 => "-2147483648",
            Self::I64 => "-9223372036854775808",
            Self::Time => "'epoch'",
            Self::Uuid | Self::Text | Self::Bool | Self::I16 => "",
        }
    }

    const fn array(self) -> ArrayType {
        match self {
            Self::Uuid => ArrayType::Uuid,
            Self::Text => ArrayType::String,
            Self::Bool => ArrayType::Bool,
            Self::I16 => ArrayType::SmallInt,
            Self::I32 => ArrayType::Int,
            Self::I64 => ArrayType::BigInt,
            Self::Time => ArrayType::ChronoDateTimeUtc,
        }
    }
}

/// A type that a column of many rows can have.
pub(crate) trait ColumnType {
    const KIND: Kind;
    const NULLABLE: bool = false;
}

macro_rules! column_types {
    ($($ty:ty = $kind:ident;)*) => { $(impl ColumnType for $ty { const KIND: Kind = Kind::$kind; })* };
}
column_types! {
    Uuid = Uuid;
    String = Text;
    bool = Bool;
    i16 = I16;
    i32 = I32;
    i64 = I64;
    Time = Time;
}

impl<T: ColumnType> ColumnType for Option<T> {
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = true;
}

impl Column {
    pub(crate) const fn of<T: ColumnType>(name: &'static str) -> Self {
        Self { name, kind: T::KIND, nullable: T::NULLABLE }
    }

    /// A value as an element of PostgreSQL's array.
    fn element(self, value: Value) -> Value {
        match value {
            Value::String(text) if self.nullable => text.map_or_else(String::new, |text| format!("={text}")).into(),
            Value::Int(None) => i32::MIN.into(),
            Value::BigInt(None) => i64::MIN.into(),
            Value::ChronoDateTimeUtc(None) => Time::UNIX_EPOCH.into(),
            other => other,
        }
    }
}

/// A value as SQLite's statements read it back from JSON: the same bytes that the driver would have stored.
fn json(value: Value) -> serde_json::Value {
    match value {
        Value::Uuid(Some(id)) => json!(id.simple().to_string()),
        Value::String(text) => json!(text),
        Value::Bool(truth) => json!(truth),
        Value::SmallInt(number) => json!(number),
        Value::Int(number) => json!(number),
        Value::BigInt(number) => json!(number),
        Value::ChronoDateTimeUtc(Some(at)) => json!(at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false)),
        _ => serde_json::Value::Null,
    }
}

impl<const N: usize> Sql<N> {
    /// The parameters of this statement.
    pub(super) fn bind(
        &self,
        backend: DbBackend,
        mut values: Vec<Value>,
        rows: impl IntoIterator<Item = [Value; N]>,
    ) -> Vec<Value> {
        debug_assert_eq!(values.len() + 1, self.first, "the rows' first parameter: {}", self.sqlite);
        if backend == DbBackend::Sqlite {
            let rows: Vec<serde_json::Value> = rows.into_iter().map(|row| row.map(json).into_iter().collect()).collect();
            values.push(serde_json::Value::from(rows).to_string().into());
            return values;
        }
        let mut columns: [Vec<Value>; N] = std::array::from_fn(|_| Vec::new());
        for row in rows {
            for ((column, value), array) in self.columns.iter().zip(row).zip(&mut columns) {
                array.push(column.element(value));
            }
        }
        let arrays = self.columns.iter().zip(columns);
        values.extend(arrays.map(|(column, array)| Value::Array(column.kind.array(), Some(Box::new(array)))));
        values
    }
}
