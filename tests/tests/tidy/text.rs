//! Where text is taken apart. A name that Heddle made is a value, and is handed on as one: to take it apart again is a
//! second format, which breaks when the first one changes. Text of others is read in the files that `tidy.toml` lists.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use super::rules::{Rules, Violation};

/// The methods that take text apart.
const METHODS: [&str; 11] = [
    "split",
    "split_once",
    "splitn",
    "split_inclusive",
    "split_terminator",
    "split_whitespace",
    "rsplit",
    "rsplit_once",
    "rsplitn",
    "strip_prefix",
    "strip_suffix",
];

pub(crate) fn check(files: &[String], rules: &Rules, read: impl Fn(&str) -> String) -> Vec<Violation> {
    let mut found = Vec::new();
    let is_held = |path: &&String| rules.text.folders.iter().any(|folder| path.starts_with(folder.as_str()));
    for path in files.iter().filter(is_held).filter(|path| !is_test(path)) {
        let Ok(file) = syn::parse_file(&read(path)) else { continue };
        let mut visitor = Visitor { lines: Vec::new() };
        visitor.visit_file(&file);
        match (rules.text.readers.get(path), visitor.lines.as_slice()) {
            (None, lines) => found.extend(lines.iter().map(|(line, name)| taken_apart(path, *line, name))),
            (Some(_), []) => found.push(stale(path, "takes no text apart any more")),
            (Some(_), _) => {}
        }
    }
    let missing = rules.text.readers.keys().filter(|path| !files.contains(path));
    found.extend(missing.map(|path| stale(path, "is not there")));
    found
}

fn taken_apart(path: &str, line: usize, name: &str) -> Violation {
    let mend = "hold the parts as a value; if the text is another program's, say in tidy.toml whose";
    Violation::of("text", path, format!("{name}() takes a text apart"), mend).at(line).of_item(name)
}

fn stale(path: &str, what: &str) -> Violation {
    Violation::of("text", "tests/tests/tidy.toml", format!("{path} {what}"), "take it out of [text.readers]")
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

struct Visitor {
    lines: Vec<(usize, String)>,
}

impl Visitor {
    fn note(&mut self, name: &proc_macro2::Ident) {
        let text = name.to_string();
        if METHODS.contains(&text.as_str()) {
            self.lines.push((name.span().start().line, text));
        }
    }

    /// What stands inside a macro's arguments is no syntax tree, only tokens.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut method: Option<proc_macro2::Ident> = None;
        let mut is_after_dot = false;
        for token in tokens {
            match token {
                TokenTree::Group(group) => {
                    if let Some(name) = method.take().filter(|_| !group.stream().is_empty()) {
                        self.note(&name);
                    }
                    self.tokens(group.stream());
                }
                TokenTree::Ident(name) => method = Some(name).filter(|_| is_after_dot),
                TokenTree::Punct(ref mark) => {
                    is_after_dot = mark.as_char() == '.';
                    continue;
                }
                TokenTree::Literal(_) => method = None,
            }
            is_after_dot = false;
        }
    }
}

impl<'ast> Visit<'ast> for Visitor {
    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        // Without an argument it is a buffer's method.
        if !call.args.is_empty() || call.method == "split_whitespace" {
            self.note(&call.method);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
        };
        if !module.attrs.iter().any(is_test) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
    }
}

#[test]
fn a_text_that_is_taken_apart_is_found_wherever_it_stands() {
    let text = "//! x\nfn a(b: &str, c: &mut Buffer) {\n    b.split_once('/');\n    format!(\"{:?}\", \
        b.strip_prefix(\"x\"));\n    \
        c.split();\n    split(b);\n}\n#[cfg(test)]\nmod tests {\n    fn d(b: &str) { b.rsplit('/'); }\n}\n";
    let mut visitor = Visitor { lines: Vec::new() };
    let file = syn::parse_file(text).expect("Rust");
    visitor.visit_file(&file);
    assert_eq!(visitor.lines, [(3, "split_once".to_owned()), (4, "strip_prefix".to_owned())]);
}
