//! Rust files read as syntax: the first line, the length of functions, and what is unfinished or switched off.

use proc_macro2::{LineColumn, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::rules::{Rules, Violation};

/// Macros that stand for code that is not there.
const UNFINISHED: [&str; 3] = ["todo", "unimplemented", "dbg"];

pub(crate) fn check(files: &[String], rules: &Rules, read: impl Fn(&str) -> String) -> Vec<Violation> {
    let mut found = Vec::new();
    for path in files.iter().filter(|path| !rules.tree.is_generated(path)) {
        let text = read(path);
        if !text.starts_with("//!") {
            found.push(Violation::of(
                "first-line",
                path,
                "the file does not begin with `//!`",
                "say in a paragraph what it is for",
            ));
        }
        match syn::parse_file(&text) {
            Ok(file) => {
                let mut visitor = Visitor { path, limit: rules.limits.function_lines, found: &mut found };
                visitor.visit_file(&file);
            }
            Err(error) => found
                .push(Violation::of("parse", path, error.to_string(), "make it Rust").at(error.span().start().line)),
        }
    }
    found
}

struct Visitor<'a> {
    path: &'a str,
    limit: usize,
    found: &'a mut Vec<Violation>,
}

impl Visitor<'_> {
    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let (start, end): (LineColumn, LineColumn) = (signature.span().start(), block.span().end());
        let (lines, limit, name) = (end.line + 1 - start.line, self.limit, signature.ident.to_string());
        if lines > limit {
            let what = format!("fn {name} has {lines} lines, more than {limit}");
            self.found.push(
                Violation::of("function-lines", self.path, what, "give its parts names").at(start.line).of_item(name),
            );
        }
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("ignore") {
            let what = "a test is switched off";
            self.found.push(
                Violation::of("ignored", self.path, what, "mend it, or take it out").at(attribute.span().start().line),
            );
        }
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if let Some(name) = call.path.segments.last().map(|last| last.ident.to_string()) {
            self.unfinished(&name, call.span().start().line);
        }
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}

impl Visitor<'_> {
    fn unfinished(&mut self, name: &str, line: usize) {
        if UNFINISHED.contains(&name) {
            self.found
                .push(Violation::of("unfinished", self.path, format!("{name}! is left in"), "finish it").at(line));
        }
    }

    /// What stands inside another macro's arguments is no syntax tree, only tokens.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut last: Option<proc_macro2::Ident> = None;
        for token in tokens {
            match (&token, last.take()) {
                (TokenTree::Punct(mark), Some(name)) if mark.as_char() == '!' => {
                    self.unfinished(&name.to_string(), name.span().start().line);
                }
                (TokenTree::Ident(name), _) => last = Some(name.clone()),
                (TokenTree::Group(group), _) => self.tokens(group.stream()),
                _ => {}
            }
        }
    }
}
