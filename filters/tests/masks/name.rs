use super::trial::{Hides, Trial, VARCHAR};

pub fn trials() -> Vec<Trial> {
    let trial = || Trial::new("name", &[], |i| format!("Ann {i}"), "[A-Z][a-z]{1,9} [A-Zäöü][a-zß]{1,12}");
    vec![
        trial().golden("name").hides(Hides::Mostly),
        trial().golden("name_varchar10").on(VARCHAR, 14).hides(Hides::Mostly),
    ]
}
