//! Parses a template into a tree.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use serde_json::Value;

use super::lex::{self, Piece, Token};

/// A node of the tree.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Write a text.
    Text(String),
    /// Write a value.
    Print(Pipe),
    /// Define a variable, or assign to it.
    Set { name: String, anew: bool, value: Pipe },
    /// `if`; or `with`, which also sets `.` to the value.
    Choose { with: bool, on: Pipe, then: Vec<Node>, otherwise: Vec<Node> },
    /// `range` over a list or a map.
    Range { key: Option<String>, value: Option<String>, over: Pipe, body: Vec<Node> },
}

/// A pipeline. Each call gets the result of the call before as its last argument.
pub(super) type Pipe = Vec<Vec<Operand>>;

/// A function or an argument.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Path(Vec<String>),
    Variable(String, Vec<String>),
    Function(String),
    Literal(Value),
    Pipe(Pipe),
}

/// The named templates.
pub(super) type Defined = BTreeMap<String, Vec<Node>>;

/// Parses a template, and adds its named templates to `defined`.
pub(super) fn parse(template: &str, defined: &mut Defined) -> Result<Vec<Node>> {
    let mut parser = Parser { pieces: lex::pieces(template)?.into_iter(), defined };
    let (nodes, end) = parser.block()?;
    ensure!(end == End::Template, "`end` or `else` has no `if`, `with`, `range` or `define` before it");
    Ok(nodes)
}

struct Parser<'a> {
    pieces: std::vec::IntoIter<Piece>,
    defined: &'a mut Defined,
}

/// The end of a block.
#[derive(PartialEq, Eq)]
enum End {
    Template,
    Body,
    /// `else`, with the tokens after it.
    Else(Vec<Token>),
}

impl Parser<'_> {
    fn block(&mut self) -> Result<(Vec<Node>, End)> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let tokens = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Piece::Action(tokens) => tokens,
            };
            let keyword = match tokens.first() {
                Some(Token::Word(word)) => word.as_str(),
                _ => "",
            };
            let rest = tokens.get(1..).unwrap_or_default();
            match keyword {
                "end" => return Ok((nodes, End::Body)),
                "else" => return Ok((nodes, End::Else(rest.to_vec()))),
                "if" | "with" => nodes.push(self.choose(keyword == "with", rest)?),
                "range" => nodes.push(self.range(rest)?),
                "define" => self.define(rest)?,
                _ => nodes.push(statement(&tokens)?),
            }
        }
        Ok((nodes, End::Template))
    }

    fn choose(&mut self, with: bool, condition: &[Token]) -> Result<Node> {
        let on = pipe(condition)?;
        let (then, end) = self.block()?;
        let otherwise = match end {
            End::Body => Vec::new(),
            End::Else(more) => match more.split_first() {
                None => self.body()?,
                Some((Token::Word(word), condition)) if word == "if" => vec![self.choose(false, condition)?],
                Some(_) => bail!("`else` must not be followed by {more:?}"),
            },
            End::Template => bail!("`if` or `with` has no `end`"),
        };
        Ok(Node::Choose { with, on, then, otherwise })
    }

    fn range(&mut self, tokens: &[Token]) -> Result<Node> {
        let (key, value, over) = match tokens {
            [Token::Variable(key, _), Token::Mark(','), Token::Variable(value, _), Token::Mark(':'), over @ ..] => {
                (Some(key.clone()), Some(value.clone()), over)
            }
            [Token::Variable(value, _), Token::Mark(':'), over @ ..] => (None, Some(value.clone()), over),
            over => (None, None, over),
        };
        Ok(Node::Range { key, value, over: pipe(over)?, body: self.body()? })
    }

    fn define(&mut self, tokens: &[Token]) -> Result<()> {
        let [Token::Text(name)] = tokens else { bail!("`define` needs a name") };
        let body = self.body()?;
        self.defined.insert(name.clone(), body);
        Ok(())
    }

    fn body(&mut self) -> Result<Vec<Node>> {
        let (nodes, end) = self.block()?;
        ensure!(end == End::Body, "the block has no `end`");
        Ok(nodes)
    }
}

fn statement(tokens: &[Token]) -> Result<Node> {
    Ok(match tokens {
        [Token::Variable(name, path), Token::Mark(mark @ (':' | '=')), value @ ..] if path.is_empty() => {
            Node::Set { name: name.clone(), anew: *mark == ':', value: pipe(value)? }
        }
        _ => Node::Print(pipe(tokens)?),
    })
}

fn pipe(tokens: &[Token]) -> Result<Pipe> {
    let mut tokens = tokens.iter();
    let (pipe, closed) = calls(&mut tokens)?;
    ensure!(!closed, "`)` has no `(`");
    Ok(pipe)
}

/// Parses up to the end or to `)`. It returns whether it was `)`.
fn calls(tokens: &mut std::slice::Iter<'_, Token>) -> Result<(Pipe, bool)> {
    let (mut pipe, mut call, mut closed) = (Vec::new(), Vec::new(), false);
    while let Some(token) = tokens.next() {
        match token {
            Token::Mark('|') => pipe.push(std::mem::take(&mut call)),
            Token::Mark('(') => {
                let (inner, closed) = calls(tokens)?;
                ensure!(closed, "`(` has no `)`");
                call.push(Operand::Pipe(inner));
            }
            Token::Mark(')') => {
                closed = true;
                break;
            }
            other => call.push(operand(other)?),
        }
    }
    pipe.push(call);
    ensure!(pipe.iter().all(|call| !call.is_empty()), "the pipeline has an empty call");
    Ok((pipe, closed))
}

fn operand(token: &Token) -> Result<Operand> {
    Ok(match token {
        Token::Word(word) => match word.as_str() {
            "true" => Operand::Literal(Value::Bool(true)),
            "false" => Operand::Literal(Value::Bool(false)),
            "nil" => Operand::Literal(Value::Null),
            _ => Operand::Function(word.clone()),
        },
        Token::Path(path) => Operand::Path(path.clone()),
        Token::Variable(name, path) => Operand::Variable(name.clone(), path.clone()),
        Token::Text(text) => Operand::Literal(Value::String(text.clone())),
        Token::Number(number) => Operand::Literal((*number).into()),
        Token::Mark(mark) => bail!("{mark:?} is not allowed here"),
    })
}
