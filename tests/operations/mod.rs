//! What somebody does with a pipeline who runs it every day.

pub mod ddl;
mod schema;
