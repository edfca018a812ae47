//! What a backslash introduces.

use super::{Parsed, Parser};

/// Instructions of a class such as `\w`.
const PERL_CLASS: u64 = 8;
/// Instructions of a class such as `\pL`, which has many ranges.
const UNICODE_CLASS: u64 = 400;

/// General categories of Unicode, as RE2 names them.
const CATEGORIES: [&str; 37] = [
    "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No", "P",
    "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs", "Any",
];

/// One escaped thing.
pub(super) enum Escaped {
    /// A character.
    Char(char),
    /// A class, with the size of its program.
    Class(u64),
    /// An empty place, such as the beginning of the text.
    Place,
    /// The beginning of quoted text.
    Quote,
    /// The end of quoted text.
    EndQuote,
}

impl Parser<'_> {
    /// An escape that stands by itself.
    pub(super) fn escape(&mut self) -> Parsed<()> {
        match read(&mut self.rest)? {
            Escaped::Char(letter) => self.top().atom(letter.len_utf8() as u64),
            Escaped::Class(size) => self.top().atom(size),
            Escaped::Place => self.top().atom(1),
            Escaped::EndQuote => {}
            Escaped::Quote => {
                let (quoted, after) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                for letter in quoted.chars() {
                    self.top().atom(letter.len_utf8() as u64);
                }
                self.rest = after;
            }
        }
        Ok(())
    }
}

/// Reads an escape, whose backslash is next.
pub(super) fn read(rest: &mut &str) -> Parsed<Escaped> {
    let mut letters = rest.chars();
    letters.next();
    let Some(letter) = letters.next() else { return Err("a \\ stands at the end".to_owned()) };
    *rest = letters.as_str();
    Ok(match letter {
        'd' | 'D' | 's' | 'S' | 'w' | 'W' => Escaped::Class(PERL_CLASS),
        'p' | 'P' => Escaped::Class(unicode(rest)?),
        'A' | 'z' | 'b' | 'B' => Escaped::Place,
        'C' => Escaped::Class(1),
        'Q' => Escaped::Quote,
        'E' => Escaped::EndQuote,
        'a' => Escaped::Char('\u{7}'),
        'f' => Escaped::Char('\u{c}'),
        't' => Escaped::Char('\t'),
        'n' => Escaped::Char('\n'),
        'r' => Escaped::Char('\r'),
        'v' => Escaped::Char('\u{b}'),
        'x' => Escaped::Char(hexadecimal(rest)?),
        '0'..='7' => Escaped::Char(octal(letter, rest)?),
        _ if letter.is_ascii() && !letter.is_ascii_alphanumeric() => Escaped::Char(letter),
        _ => return Err(format!("\\{letter} has no meaning")),
    })
}

/// `\x7f` or `\x{10ffff}`.
fn hexadecimal(rest: &mut &str) -> Parsed<char> {
    let wrong = || "\\x needs two hexadecimal digits, or some in braces".to_owned();
    let (digits, after) = match rest.strip_prefix('{') {
        Some(braced) => braced.split_once('}').ok_or_else(wrong)?,
        None => rest.split_at_checked(2).ok_or_else(wrong)?,
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    *rest = after;
    let code = u32::from_str_radix(digits, 16).map_err(|_| wrong())?;
    if code > 0x0010_ffff {
        return Err(format!("\\x{{{digits}}} is not a character"));
    }
    Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// `\0`, `\12` or `\123`; a single digit other than 0 would refer back, which RE2 does not do.
fn octal(first: char, rest: &mut &str) -> Parsed<char> {
    let more = rest.bytes().take(2).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
    if first != '0' && more == 0 {
        return Err(format!("\\{first} refers back to a group, which RE2 does not do"));
    }
    let (digits, after) = rest.split_at(more);
    *rest = after;
    let code = u32::from_str_radix(&format!("{first}{digits}"), 8).unwrap_or_default();
    Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// `\pL`, `\p{Greek}` or `\p{^Greek}`.
fn unicode(rest: &mut &str) -> Parsed<u64> {
    let name = if let Some(braced) = rest.strip_prefix('{') {
        let Some((name, after)) = braced.split_once('}') else { return Err("a \\p{ is not closed".to_owned()) };
        *rest = after;
        name.strip_prefix('^').unwrap_or(name)
    } else {
        let (name, after) = rest.split_at(rest.chars().next().map_or(0, char::len_utf8));
        *rest = after;
        name
    };
    if CATEGORIES.contains(&name) || is_script(name) {
        return Ok(UNICODE_CLASS);
    }
    Err(format!("\\p{{{}}} is not a class of Unicode", name.chars().take(40).collect::<String>()))
}

/// Scripts are looked up in Rust's tables of Unicode; RE2 knows them by their full names only.
fn is_script(name: &str) -> bool {
    let is_name = name.len() > 2
        && name.len() < 40
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && name.split('_').all(|word| word.starts_with(|first: char| first.is_ascii_uppercase()) || word == "ki");
    is_name && regex_syntax::parse(&format!("\\p{{Script={name}}}")).is_ok()
}
