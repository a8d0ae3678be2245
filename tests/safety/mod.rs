//! What is staging's own stays, whatever production does.

mod rows;
