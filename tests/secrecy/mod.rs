//! What must not be told: values of rows, and who may be told anything at all.

mod canary;
mod remains;
mod tls;
