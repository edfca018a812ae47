//! Paths with templates.

use crate::validate::report::quote;

/// Checks a path that may hold the templates `{*}` (one part) and `{**}` (any number of them, at the end but for
/// fixed parts).
pub(super) fn check(path: &str) -> Result<(), String> {
    if !path.contains("{*}") && !path.contains("{**}") {
        return Ok(());
    }
    let mut ended = false;
    for part in path.split('/') {
        let is_one = part == "{*}";
        if ended && (is_one || part == "{**}") {
            return Err(format!("in {} a template follows {{**}}", quote(path)));
        }
        if part == "{**}" {
            ended = true;
        } else if !is_one && part.contains(['{', '}', '*']) {
            return Err(format!("in {} the part {} is neither fixed nor a template", quote(path), quote(part)));
        }
    }
    Ok(())
}
