//! Format strings of headers and access logs, in which Envoy replaces `%COMMAND(PARAMETERS):LENGTH%` and `%%`.
//!
//! Envoy checks them in code, and refuses the whole resource for one unknown command. So the commands that every
//! supported Envoy knows are listed here. A command that only some of them know is refused too.

mod command;
mod expression;

use super::report::quote;

pub use command::PLAIN;

/// Checks a format string.
///
/// # Errors
/// What Envoy would refuse, and why.
pub fn check(format: &str) -> Result<(), String> {
    let mut rest = format;
    while let Some((_, after)) = rest.split_once('%') {
        rest = match after.strip_prefix('%') {
            Some(after) => after,
            None => command(after).ok_or_else(|| no_command(format))??,
        };
    }
    Ok(())
}

/// Checks the format of an access log's lines in JSON, of which each text is a format string.
///
/// # Errors
/// That it is no JSON object, or what Envoy would refuse.
pub fn json(format: &str) -> Result<(), String> {
    match serde_json::from_str(format) {
        Ok(serde_json::Value::Object(fields)) => fields.values().try_for_each(json_value),
        _ => Err(format!("{} is not a JSON object", quote(format))),
    }
}

fn json_value(value: &serde_json::Value) -> Result<(), String> {
    match value {
        serde_json::Value::Object(fields) => fields.values().try_for_each(json_value),
        serde_json::Value::String(text) => check(text),
        // Written as the text of its JSON.
        other => check(&other.to_string()),
    }
}

/// Checks the command at the start of a text, and gives what follows it. None where there is no command.
fn command(text: &str) -> Option<Result<&str, String>> {
    let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let end = text.bytes().position(|byte| !is_name(byte)).filter(|end| *end > 0)?;
    let (name, mut rest) = text.split_at(end);
    let mut parameters = "";
    if let Some(inside) = rest.strip_prefix('(') {
        (parameters, rest) = inside.split_once(')')?;
    }
    let mut has_length = false;
    if let Some(digits) = rest.strip_prefix(':') {
        let end = digits.find('%')?;
        digits[..end].bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
        digits[..end].parse::<u64>().ok()?;
        (has_length, rest) = (true, &digits[end..]);
    }
    let rest = rest.strip_prefix('%')?;
    Some(command::check(name, parameters, has_length).map(|()| rest))
}

fn no_command(format: &str) -> String {
    format!("in {} a % begins no command of the form %COMMAND(PARAMETERS):LENGTH%; write %% for a %", quote(format))
}

#[cfg(test)]
mod tests {
    use super::{check, json};

    #[test]
    fn a_format_is_text_with_known_commands() {
        for good in ["", "plain", "100%% of it", "%PROTOCOL%", "a %REQ(X-Id?:path):12% b %DURATION%", "%%%PROTOCOL%"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["%", "50% of it", "%PROTOCOL", "%%PROTOCOL%", "%protocol%", "%REQ(x%", "%REQ(x):-1%", "%REQ(x):%"] {
            assert!(check(bad).unwrap_err().contains("begins no command"), "{bad}");
        }
        assert!(check("%FINISHED%").unwrap_err().contains("FINISHED is not a command"));
    }

    #[test]
    fn a_file_of_the_proxy_is_never_read() {
        assert!(check("%FILE_CONTENT(/var/run/secrets/token)%").is_err());
        assert!(json(r#"{"a": {"b": "%FILE_CONTENT(/etc/shadow)%"}}"#).is_err());
    }

    #[test]
    fn each_text_of_a_json_format_is_checked() {
        assert_eq!(json(r#"{"a": "%PROTOCOL%", "b": 5, "c": {"d": "%%"}, "e": null}"#), Ok(()));
        for bad in
            ["", "[]", r#""a""#, "{", r#"{"a": "%"}"#, r#"{"a": ["%FINISHED%"]}"#, r#"{"a": {"b": "%FINISHED%"}}"#]
        {
            assert!(json(bad).is_err(), "{bad}");
        }
    }
}
