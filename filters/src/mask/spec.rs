//! Which mask with which parameters: plain data, as a policy names it.

use super::facts::ColumnFacts;
use super::kind::Kind;
use super::setting::{self, Setting};
use super::when::When;
use super::{KINDS, Mask};
use crate::key::MaskKey;

/// A mask with its parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MaskSpec {
    kind: &'static Kind,
    /// By the place of the parameter; defaults are filled in.
    settings: Vec<Option<Setting>>,
    /// For which rows.
    when: Option<Box<When>>,
}

/// Do different values stay different? A unique column needs to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Injective {
    /// Yes, and this is why.
    Yes(&'static str),
    /// Not by construction: a keyed hash of so many bits stands for each.
    Collision(u32),
    /// No.
    No,
}

impl Injective {
    /// How likely it is at most that of so many different values two become one: the birthday bound, n² / 2^(bits + 1). 1 where
    /// nothing is claimed.
    pub fn collides(self, values: f64) -> f64 {
        match self {
            Injective::Yes(_) => 0.0,
            Injective::Collision(bits) => (values * values / 2f64.powi(bits as i32 + 1)).min(1.0),
            Injective::No => 1.0,
        }
    }
}

/// A mask cannot be made for a column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// The mask does not know the column's type.
    #[error("mask {mask} wants a column of type {wants}; this one has the type with oid {type_oid}")]
    Type {
        /// The mask.
        mask: &'static str,
        /// What it can be put on.
        wants: &'static str,
        /// What it was put on.
        type_oid: u32,
    },
    /// What the mask writes does not fit in the column.
    #[error("mask {mask} needs {needs} characters; the column holds {holds}")]
    Narrow {
        /// The mask.
        mask: &'static str,
        /// Characters at least.
        needs: usize,
        /// Characters at most.
        holds: usize,
    },
    /// A parameter of the mask is wrong.
    #[error("mask {mask}: {problem}")]
    Parameter {
        /// The mask.
        mask: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The mask looks at other columns, and its own is a part of the key: an old row has the key's columns only.
    #[error("its mask looks at other columns of the row, and a part of the key must be masked by itself")]
    InKey,
    /// The mask looks at another column of the row, and cannot.
    #[error("mask {mask} looks at column {column}: {problem}")]
    Sibling {
        /// The mask.
        mask: &'static str,
        /// The other column.
        column: String,
        /// Why it cannot be used.
        problem: &'static str,
    },
}

impl MaskSpec {
    /// A mask with its defaults.
    pub fn new(kind: &'static Kind) -> MaskSpec {
        MaskSpec { kind, settings: kind.parameters.iter().map(|p| p.what.default()).collect(), when: None }
    }

    /// The mask of that name, with its defaults.
    pub fn named(name: &str) -> Option<MaskSpec> {
        KINDS.iter().find(|kind| kind.name == name).map(|kind| MaskSpec::new(kind))
    }

    /// A mask that the code itself names.
    ///
    /// # Panics
    ///
    /// There is no such mask, or it has no such parameter.
    #[track_caller]
    pub fn of(name: &str, settings: &[(&str, Setting)]) -> MaskSpec {
        let mut spec = MaskSpec::named(name).unwrap_or_else(|| panic!("no mask {name}"));
        for (parameter, setting) in settings {
            assert!(spec.set(parameter, setting.clone()), "mask {name} has no parameter {parameter}");
        }
        spec
    }

    /// Sets a parameter; false if there is none of that name. Whether the setting is good shows when the mask is made.
    pub fn set(&mut self, parameter: &str, setting: Setting) -> bool {
        let place = self.kind.parameter(parameter).and_then(|(i, _)| self.settings.get_mut(i));
        place.map(|place| *place = Some(setting)).is_some()
    }

    /// The same mask for some rows only.
    pub fn only(self, when: When) -> MaskSpec {
        MaskSpec { when: Some(Box::new(when)), ..self }
    }

    /// For which rows, if not for all.
    pub fn when(&self) -> Option<&When> {
        self.when.as_deref()
    }

    /// The same mask for all rows.
    pub(super) fn always(&self) -> MaskSpec {
        MaskSpec { when: None, ..self.clone() }
    }

    /// The mask as such.
    pub fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// What a policy calls this mask.
    pub fn name(&self) -> &'static str {
        self.kind.name
    }

    /// What a parameter is set to, or its default.
    pub fn setting(&self, parameter: &str) -> Option<&Setting> {
        self.settings.get(self.kind.parameter(parameter)?.0)?.as_ref()
    }

    /// The parameters that are not at their defaults, in their order.
    pub fn given(&self) -> impl Iterator<Item = (&'static str, &Setting)> {
        self.kind.parameters.iter().zip(&self.settings).filter_map(|(parameter, setting)| {
            let setting = setting.as_ref()?;
            (parameter.what.default().as_ref() != Some(setting)).then_some((parameter.name, setting))
        })
    }

    /// Does what it makes depend on the key?
    pub fn is_keyed(&self) -> bool {
        use crate::policy::Class;
        let keyed = |class: &Class| matches!(class, Class::Mask { spec, .. } if spec.is_keyed());
        self.kind.keyed
            || self.when().is_some_and(|when| keyed(&when.otherwise))
            || self.settings.iter().flatten().any(|setting| match setting {
                Setting::Class(class) => keyed(class),
                Setting::Classes(classes) => classes.iter().any(|(_, class)| keyed(class)),
                _ => false,
            })
    }

    /// The mask with its parameters in one canonical line. Goes into fingerprints: what is written for a mask of today
    /// stays. Required parameters come without their names; a parameter at its default is not written (but for those of the
    /// first masks); a version above 1 stands behind the name.
    pub fn describe(&self) -> String {
        let mut line = String::from(self.kind.name);
        if self.kind.version > 1 {
            line.push_str(&format!("#{}", self.kind.version));
        }
        let mut first = true;
        for (parameter, setting) in self.kind.parameters.iter().zip(&self.settings) {
            let Some(setting) = setting else { continue };
            if !parameter.required && !parameter.always && parameter.what.default().as_ref() == Some(setting) {
                continue;
            }
            line.push(if first { '(' } else { ',' });
            first = false;
            if !parameter.required {
                line.push_str(parameter.name);
                line.push('=');
            }
            setting.describe(&mut line);
        }
        if !first {
            line.push(')');
        }
        if let Some(when) = self.when() {
            line.push_str(" when ");
            setting::quoted(&mut line, &when.predicate.sql());
            line.push_str(" else ");
            setting::describe_class(&mut line, &when.otherwise);
        }
        line
    }

    /// The first thing that is wrong with the parameters, each by itself.
    pub(super) fn check(&self) -> Result<(), MaskError> {
        for (parameter, setting) in self.kind.parameters.iter().zip(&self.settings) {
            let problem = match setting {
                None if parameter.required => Some("is missing".to_owned()),
                None => None,
                Some(setting) => parameter.what.fault(setting),
            };
            if let Some(problem) = problem {
                let problem = format!("{} {problem}", parameter.name);
                return Err(MaskError::Parameter { mask: self.kind.name, problem });
            }
        }
        Ok(())
    }

    /// Can it be made for such a column, as far as the column alone can tell?
    pub fn fits(&self, column: &ColumnFacts) -> bool {
        MaskKey::new(&[0; 32]).is_ok_and(|any| Mask::new(self, &any, None, column).is_ok())
    }
}

/// Keyed hash of so many bits. Below 96 it is no claim: at four thousand million values two would become one, once in 2^32.
pub(super) fn hashed(bits: usize) -> Injective {
    match bits {
        0..=95 => Injective::No,
        96..=127 => Injective::Collision(96),
        _ => Injective::Collision(128),
    }
}

#[cfg(test)]
mod tests {
    use super::Injective;

    #[test]
    fn the_birthday_bound() {
        let bits = |power: i32, values: f64| Injective::Collision(power as u32).collides(values).log2().round();
        assert_eq!(bits(128, 4_294_967_296.0), -65.0);
        assert_eq!(bits(80, 1_048_576.0), -41.0);
        assert_eq!(bits(80, 4e12), 0.0, "no probability is above one");
        assert_eq!(Injective::Yes("").collides(1e12), 0.0);
        assert_eq!(Injective::No.collides(0.0), 1.0, "rows come later");
    }
}
