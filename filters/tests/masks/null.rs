use super::trial::{Hides, Trial};

pub fn trials() -> Vec<Trial> {
    vec![Trial::new("null", &[], |i| i.to_string(), "[a-z0-9]{0,20}").golden("null").hides(Hides::Always)]
}
