//! Rules that no single noun owns: errors, limits, idempotency, schema, layers.

mod admission;
mod answer_sizes;
mod clocks;
mod compile_fail;
mod conformance;
mod documents;
mod errors;
mod guards;
mod idempotency;
mod jobs;
mod layering;
mod limits;
mod methods;
mod operations;
mod schema;
pub(crate) mod shapes;
