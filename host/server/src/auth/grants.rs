//! Roles, and where somebody has them.

use std::fmt;
use std::str::FromStr;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// ask for features
    ReadOnline,
    /// write features
    WriteOnline,
    /// everything, materialization included
    Admin,
}

/// Roles, each in one project or in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Grants(Vec<Grant>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Grant {
    /// `None`: in every project
    project: Option<String>,
    role: Role,
}

impl Grants {
    /// Reads `role` and `project:role`.
    ///
    /// # Errors
    /// Where something is no role.
    pub(crate) fn read<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        texts.into_iter().map(grant).collect::<Result<_, _>>().map(Self)
    }

    /// The roles among `texts`, which may be about other things as well: an identity provider has more than one service.
    pub(crate) fn among<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self(texts.into_iter().filter_map(|text| grant(text).ok()).collect())
    }

    /// Whether one of them is `role` in `project`; an admin has every role.
    pub(crate) fn allow(&self, role: Role, project: &str) -> bool {
        let holds_here = |grant: &&Grant| grant.project.as_deref().is_none_or(|granted| granted == project);
        self.0.iter().filter(holds_here).any(|grant| grant.role == role || grant.role == Role::Admin)
    }
}

fn grant(text: &str) -> Result<Grant, String> {
    let (project, role) = match text.split_once(':') {
        Some((project, role)) => (Some(project.to_owned()), role),
        None => (None, text),
    };
    Ok(Grant { project, role: role.parse()? })
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "read_online" => Ok(Self::ReadOnline),
            "write_online" => Ok(Self::WriteOnline),
            "admin" => Ok(Self::Admin),
            _ => Err(format!(
                "`{text}` is no role: write `read_online`, `write_online` or `admin`, or `project:role` for one project"
            )),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadOnline => "read_online",
            Self::WriteOnline => "write_online",
            Self::Admin => "admin",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_holds_in_its_project_or_in_all_and_an_admin_has_all_of_them() {
        let grants = Grants::read(["shop:read_online", "fleet:admin"]).unwrap();
        assert!(grants.allow(Role::ReadOnline, "shop") && grants.allow(Role::WriteOnline, "fleet"));
        assert!(!grants.allow(Role::WriteOnline, "shop") && !grants.allow(Role::ReadOnline, "other"));
        let grants = Grants::read(["write_online"]).unwrap();
        assert!(grants.allow(Role::WriteOnline, "any") && !grants.allow(Role::ReadOnline, "any"));
    }

    #[test]
    fn what_is_no_role_is_refused_in_a_file_and_left_out_in_a_token() {
        insta::assert_snapshot!(Grants::read(["reader"]).unwrap_err(), @"`reader` is no role: write `read_online`, `write_online` or `admin`, or `project:role` for one project");
        assert_eq!(Grants::among(["offline_access", "admin"]), Grants::read(["admin"]).unwrap());
        assert!(!Grants::among(["administrator", ":x"]).allow(Role::ReadOnline, "shop"));
    }
}
