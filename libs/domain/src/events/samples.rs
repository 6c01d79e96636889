//! Values made up from a field's type and name, so that there is one of each event without a list of them.

use uuid::Uuid;

use crate::core::id::Id;

pub(super) trait Sample {
    fn sample(field: &'static str) -> Self;
}

impl<K> Sample for Id<K> {
    /// An identifier of 2026, the same for every field.
    fn sample(_: &'static str) -> Self {
        Id::new(Uuid::from_u128(0x019a_b2c3_d4e5_7f00_8000_0000_0000_0001))
    }
}
impl Sample for String {
    fn sample(field: &'static str) -> Self {
        field.to_owned()
    }
}
impl Sample for &'static str {
    fn sample(field: &'static str) -> Self {
        field
    }
}
impl<T: Sample> Sample for Vec<T> {
    fn sample(field: &'static str) -> Self {
        vec![T::sample(field)]
    }
}
impl<T: Sample> Sample for Option<T> {
    fn sample(field: &'static str) -> Self {
        Some(T::sample(field))
    }
}
macro_rules! numbers {
    ($($ty:ty),*) => { $(impl Sample for $ty {
        fn sample(_: &'static str) -> Self { 7 }
    })* };
}
numbers!(i64, u32, u64, usize);
impl Sample for bool {
    fn sample(_: &'static str) -> Self {
        true
    }
}
