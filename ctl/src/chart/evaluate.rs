//! Runs a template, as Go's `text/template` does with Helm's functions.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use super::function;
use super::parse::{Defined, Node, Operand, Pipe};

/// The deepest nesting of `include`.
const DEEPEST: usize = 32;

/// The input that all templates of a chart share.
pub(super) struct Evaluator<'a> {
    /// Named templates.
    pub(super) defined: &'a Defined,
    /// The chart's other files, by path.
    pub(super) files: &'a [(&'a str, &'a str)],
}

/// The variables at one point of a template.
struct TemplateScope<'a> {
    root: &'a Value,
    variables: Vec<(String, Value)>,
    depth: usize,
}

impl Evaluator<'_> {
    /// Renders a template, with `root` as `.` and `$`.
    pub(super) fn run(&self, nodes: &[Node], root: &Value) -> Result<String> {
        self.run_at(nodes, root, 0)
    }

    fn run_at(&self, nodes: &[Node], root: &Value, depth: usize) -> Result<String> {
        ensure!(depth < DEEPEST, "templates include each other in a circle");
        let mut out = String::new();
        self.nodes(nodes, root, &mut TemplateScope { root, variables: Vec::new(), depth }, &mut out)?;
        Ok(out)
    }

    /// Variables of an inner block end with the block.
    fn nodes(&self, nodes: &[Node], dot: &Value, scope: &mut TemplateScope<'_>, out: &mut String) -> Result<()> {
        let known = scope.variables.len();
        for node in nodes {
            self.node(node, dot, scope, out)?;
        }
        scope.variables.truncate(known);
        Ok(())
    }

    fn node(&self, node: &Node, dot: &Value, scope: &mut TemplateScope<'_>, out: &mut String) -> Result<()> {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Print(pipe) => out.push_str(&function::text(&self.pipe(pipe, dot, scope)?)),
            Node::Set { name, anew, value } => {
                let value = self.pipe(value, dot, scope)?;
                if *anew {
                    scope.variables.push((name.clone(), value));
                } else {
                    let known = scope.variables.iter_mut().rev().find(|(known, _)| known == name);
                    known.with_context(|| format!("the variable ${name} is not defined"))?.1 = value;
                }
            }
            Node::Choose { with, on, then, otherwise } => {
                let value = self.pipe(on, dot, scope)?;
                let inside = if *with { &value } else { dot };
                if function::is_true(&value) {
                    self.nodes(then, inside, scope, out)?;
                } else {
                    self.nodes(otherwise, dot, scope, out)?;
                }
            }
            Node::Range { key, value, over, body } => {
                for (name, item) in entries(self.pipe(over, dot, scope)?)? {
                    let known = scope.variables.len();
                    scope.variables.extend(key.iter().map(|key| (key.clone(), name.clone())));
                    scope.variables.extend(value.iter().map(|value| (value.clone(), item.clone())));
                    self.nodes(body, &item, scope, out)?;
                    scope.variables.truncate(known);
                }
            }
        }
        Ok(())
    }

    fn pipe(&self, pipe: &Pipe, dot: &Value, scope: &TemplateScope<'_>) -> Result<Value> {
        let mut last = None;
        for call in pipe {
            last = Some(self.call(call, last, dot, scope)?);
        }
        last.context("a pipeline needs a function call")
    }

    fn call(&self, call: &[Operand], last: Option<Value>, dot: &Value, scope: &TemplateScope<'_>) -> Result<Value> {
        let (first, rest) = call.split_first().context("a call needs a function")?;
        let arguments = rest.iter().map(|operand| self.operand(operand, dot, scope)).chain(last.map(Ok));
        let arguments = arguments.collect::<Result<Vec<_>>>()?;
        match first {
            Operand::Function(name) => self.function(name, &arguments, scope),
            Operand::Path(path) | Operand::Variable(_, path) if path.first().is_some_and(|name| name == "Files") => {
                self.file(path.get(1).map_or("", String::as_str), &arguments)
            }
            value => {
                ensure!(arguments.is_empty(), "{value:?} is not a function");
                self.operand(value, dot, scope)
            }
        }
    }

    fn function(&self, name: &str, arguments: &[Value], scope: &TemplateScope<'_>) -> Result<Value> {
        let ("include", [Value::String(template), dot]) = (name, arguments) else {
            return function::call(name, arguments).with_context(|| format!("{name} {arguments:?}"));
        };
        let nodes = self.defined.get(template).with_context(|| format!("the template {template} does not exist"))?;
        let text = self.run_at(nodes, dot, scope.depth + 1).with_context(|| format!("include {template:?}"))?;
        Ok(Value::String(text))
    }

    fn file(&self, what: &str, arguments: &[Value]) -> Result<Value> {
        match (what, arguments) {
            ("Get", [Value::String(path)]) => {
                let found = self.files.iter().find(|(known, _)| known == path);
                Ok(found.map_or("", |(_, text)| text).into())
            }
            ("Glob", [Value::String(pattern)]) => {
                let (folder, ending) = pattern.split_once('*').context("the pattern has no `*`")?;
                let found = self.files.iter().filter(|(path, _)| path.starts_with(folder) && path.ends_with(ending));
                Ok(Value::Object(found.map(|(path, _)| ((*path).to_owned(), Value::Null)).collect()))
            }
            _ => bail!(".Files.{what} {arguments:?} is not supported"),
        }
    }

    fn operand(&self, operand: &Operand, dot: &Value, scope: &TemplateScope<'_>) -> Result<Value> {
        match operand {
            Operand::Literal(value) => Ok(value.clone()),
            Operand::Path(path) => field(dot, path),
            Operand::Variable(name, path) if name.is_empty() => field(scope.root, path),
            Operand::Variable(name, path) => {
                let known = scope.variables.iter().rev().find(|(known, _)| known == name);
                field(&known.with_context(|| format!("the variable ${name} is not defined"))?.1, path)
            }
            Operand::Function(name) => self.function(name, &[], scope),
            Operand::Pipe(pipe) => self.pipe(pipe, dot, scope),
        }
    }
}

/// A missing key is null. A field of a value that is not a map is an error.
fn field(value: &Value, path: &[String]) -> Result<Value> {
    let mut at = value;
    for name in path {
        let map = at.as_object().with_context(|| format!(".{}: the value has no field {name}", path.join(".")))?;
        at = map.get(name).unwrap_or(&Value::Null);
    }
    Ok(at.clone())
}

fn entries(value: Value) -> Result<Vec<(Value, Value)>> {
    Ok(match value {
        Value::Null => Vec::new(),
        Value::Array(list) => list.into_iter().enumerate().map(|(index, item)| (index.into(), item)).collect(),
        Value::Object(map) => sorted(map).into_iter().map(|(key, item)| (Value::String(key), item)).collect(),
        other => bail!("{other} is neither a list nor a map"),
    })
}

fn sorted(mut map: Map<String, Value>) -> Map<String, Value> {
    map.sort_keys();
    map
}
