//! Who types, and where: as this machine says. For the audit.

use std::ffi::CStr;

/// The name of the user that this process belongs to, or his number where the machine has no name for him; with `sudo` also who
/// became him.
pub fn os_user() -> String {
    // SAFETY: getuid cannot fail and touches nothing
    let uid = unsafe { libc::getuid() };
    let name = name_of(uid).unwrap_or_else(|| format!("uid {uid}"));
    match std::env::var("SUDO_USER") {
        Ok(before) if before != name => format!("{name} (sudo: {before})"),
        _ => name,
    }
}

/// The name of this machine.
pub fn host() -> String {
    let mut name = [0u8; 256];
    // SAFETY: gethostname writes at most so many bytes, and the last one stays 0
    let failed = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) } != 0;
    let name = CStr::from_bytes_until_nul(&name).ok().filter(|_| !failed);
    name.map_or_else(|| "unknown".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn name_of(uid: libc::uid_t) -> Option<String> {
    let mut buffer = vec![0u8; 16 << 10];
    let mut found = std::ptr::null_mut();
    // SAFETY: an all-zero passwd is one (null pointers and numbers); the call fills it with pointers into `buffer`, which outlives their
    // use here, and sets `found` to it or to null
    unsafe {
        let mut entry: libc::passwd = std::mem::zeroed();
        let failed = libc::getpwuid_r(uid, &mut entry, buffer.as_mut_ptr().cast(), buffer.len(), &mut found) != 0;
        if failed || found.is_null() || entry.pw_name.is_null() {
            return None;
        }
        Some(CStr::from_ptr(entry.pw_name).to_string_lossy().into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_its_user_have_names() {
        assert!(!host().is_empty() && !os_user().is_empty());
        assert_eq!(name_of(0).as_deref(), Some("root"));
        assert_eq!(name_of(libc::uid_t::MAX - 7), None);
    }
}
