//! Addresses.

use std::net::IpAddr;

use ipnet::IpNet;

use super::report::quote;

/// The scheme of Unix sockets.
pub(super) const UNIX: &str = "unix://";

/// What Linux takes of the path of a socket.
const LONGEST_PATH: usize = 107;

/// Checks an IP address.
///
/// # Errors
/// That it is none.
pub fn ip(text: &str) -> Result<(), String> {
    match text.parse::<IpAddr>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("{} is not an IP address", quote(text))),
    }
}

/// Checks an IP address or a CIDR. Bits behind the prefix may be set; they are ignored.
pub(super) fn subnet(text: &str) -> Result<(), String> {
    if !text.contains('/') {
        return ip(text);
    }
    match text.parse::<IpNet>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("{} is not a CIDR", quote(text))),
    }
}

/// Checks the path of a Unix socket: absolute, or abstract with a leading `@`, and not a directory.
///
/// # Errors
/// Which of these it is not.
pub fn unix(path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Err("a Unix socket needs a path".to_owned());
    }
    if !path.starts_with('/') && !path.starts_with('@') {
        return Err(format!("{} is neither an absolute path nor an abstract socket", quote(path)));
    }
    if path.ends_with('/') {
        return Err(format!("{} is a directory", quote(path)));
    }
    if path.len() > LONGEST_PATH {
        return Err(format!("the path of a Unix socket has at most {LONGEST_PATH} bytes, not {}", path.len()));
    }
    if path.contains('\0') { Err("the path of a Unix socket must not hold NUL".to_owned()) } else { Ok(()) }
}

/// Checks the address on which a listener binds, if it has one.
///
/// # Errors
/// That it is neither an IP address nor a Unix socket.
pub fn bind(text: &str) -> Result<(), String> {
    match text.strip_prefix(UNIX) {
        _ if text.is_empty() => Ok(()),
        Some(path) => unix(path),
        None => ip(text),
    }
}
