//! `heddlectl kube-inject`: does offline what the webhook does, so that a file can be applied without it.

mod template;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use heddle_inject::{Context, Outcome, Settings, inject};
use heddle_yaml::{Budget, Part, Schema};
use serde_json::Value;

use template::PodTemplate;

/// Largest file that is read, in bytes.
const LARGEST: u64 = 64 << 20;
/// Objects that are not injected may be of any kind, so they may be deeper than ours: such as definitions with their
/// schemas.
const BUDGET: Budget = Budget { depth: 128, ..Budget::FILE };

/// Prints the objects of a file with the proxy in their pods. Documents that are not injected are printed byte for
/// byte; in the others nothing but the injection differs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A file, or `-` for standard input.
    #[arg(short, long, value_name = "FILE|-")]
    filename: PathBuf,
    /// The mesh config: `meshConfig` of the chart, or key `mesh` of the ConfigMap `istio`.
    #[arg(long, alias = "meshConfigFile", value_name = "FILE")]
    mesh_config: Option<PathBuf>,
    /// The values of the chart, as YAML or JSON.
    #[arg(long, alias = "valuesFile", value_name = "FILE")]
    values: Option<PathBuf>,
    /// Injection's own config with its overlays: key `config` of the ConfigMap `istio-sidecar-injector`.
    #[arg(long, alias = "injectConfigFile", value_name = "FILE")]
    inject_config: Option<PathBuf>,
    /// The namespace of objects that name none.
    #[arg(short, long, default_value = "default")]
    namespace: String,
    /// Whether sidecars are native ones (init containers that restart), where the pod does not say. Kubernetes has them
    /// since 1.29; use them from 1.33.
    #[arg(long, env = "ENABLE_NATIVE_SIDECARS", value_name = "BOOL", default_value_t = true,
        action = clap::ArgAction::Set)]
    native_sidecars: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let settings = settings(args)?;
    let text = String::from_utf8(read(&args.filename)?).context("the file is not UTF-8")?;
    let mut out = String::with_capacity(text.len() * 2);
    for part in heddle_yaml::split(&text) {
        out.push_str(&injected(&part, args, &settings)?);
    }
    std::io::stdout().write_all(out.as_bytes()).context("standard output cannot be written")
}

fn settings(args: &Args) -> anyhow::Result<Settings> {
    let file = |path: &Option<PathBuf>| match path {
        None => Ok(Value::Null),
        Some(path) => {
            let text = String::from_utf8(read(path)?).with_context(|| format!("{} is not UTF-8", path.display()))?;
            heddle_yaml::value(&text, Schema::Yaml11, &BUDGET).with_context(|| path.display().to_string())
        }
    };
    let settings = Settings::new(&file(&args.mesh_config)?, &file(&args.values)?)?;
    Ok(settings.with_config(&file(&args.inject_config)?)?)
}

/// A document with its injection, or as it stands in the file. It is read as `kubectl` reads it, so it means the same
/// when it is written again.
fn injected(part: &Part<'_>, args: &Args, settings: &Settings) -> anyhow::Result<String> {
    let position = |line: usize| format!("{}:{line}", args.filename.display());
    let read = heddle_yaml::value(part.text, Schema::Yaml11, &BUDGET);
    let mut object =
        read.map_err(|error| anyhow!("{}: {}", position(part.line + error.line.saturating_sub(1)), error.reason))?;
    let mut any = false;
    for template in template::pod_templates(&object) {
        any |= inject_template(&mut object, template, args, settings).with_context(|| position(part.line))?;
    }
    Ok(if any { format!("{}{}", part.marker(), heddle_yaml::write(&object)) } else { part.text.to_owned() })
}

/// Injects one pod of an object; says whether it was to be.
fn inject_template(
    object: &mut Value,
    template: PodTemplate,
    args: &Args,
    settings: &Settings,
) -> anyhow::Result<bool> {
    let Some(pod) = object.pointer_mut(&template.pointer) else { return Ok(false) };
    let context = Context {
        namespace: template.namespace.unwrap_or_else(|| args.namespace.clone()),
        workload: template.workload,
        native: args.native_sidecars,
        ..Context::default()
    };
    let Outcome::Injected(injected) = inject(pod, &context, settings).with_context(|| template.name.clone())? else {
        return Ok(false);
    };
    for warning in injected.warnings {
        // Nothing is left to be done if standard error is closed.
        let _ = writeln!(std::io::stderr(), "heddlectl: {}: {warning}", template.name);
    }
    let before = std::mem::replace(pod, injected.pod);
    if let Some(metadata) = &template.metadata {
        let added = template::take_added(&before, pod);
        template::put_added(object, metadata, added);
    }
    Ok(true)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().take(LARGEST + 1).read_to_end(&mut bytes).context("standard input cannot be read")?;
    } else {
        let file = std::fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
        file.take(LARGEST + 1).read_to_end(&mut bytes).with_context(|| format!("{} cannot be read", path.display()))?;
    }
    if bytes.len() as u64 > LARGEST {
        bail!("{} has more than {LARGEST} bytes", path.display());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
