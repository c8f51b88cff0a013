//! Who logs in at a database where neither the URL nor the environment says it: the operating system's user.

/// The name of the user that smoke runs as. The user id decides, as it does for the databases' own clients, and not `USER`, which `su`, `sudo`
/// and containers leave as it was or leave out; that is asked only for an id which is not in the file of accounts, such
/// as a directory service's.
#[cfg(unix)]
pub fn of_process() -> Option<String> {
    let accounts = std::fs::read("/etc/passwd").unwrap_or_default();
    let name = name_of(rustix::process::geteuid().as_raw(), &String::from_utf8_lossy(&accounts));
    name.or_else(|| from_environment("USER"))
}

#[cfg(not(unix))]
pub fn of_process() -> Option<String> {
    from_environment("USERNAME")
}

fn from_environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|name| !name.is_empty())
}

/// Returns the name of the first account with this ID. Source of the format: passwd(5), `name:password:UID:…`.
#[cfg(unix)]
fn name_of(id: u32, accounts: &str) -> Option<String> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, uid) = (fields.next()?, fields.next()?, fields.next()?);
        (uid.parse() == Ok(id) && !name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_first_account_with_the_id_has_the_name() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\n# 7:x:7\n+::::::\n:x:8:8::/:\nci:x:1000:1000:CI:/:\ntoor:x:0:0::/:\n";
        assert_eq!(name_of(0, accounts).as_deref(), Some("root"));
        assert_eq!(name_of(1000, accounts).as_deref(), Some("ci"));
        assert_eq!([8, 100, 10].map(|id| name_of(id, accounts)), [None, None, None]);
    }
}
