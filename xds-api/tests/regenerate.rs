//! Makes `gen/` again from the `.proto` files and compares: a change to `roots.txt` or to a `.proto` cannot be half
//! committed. `UPDATE_GEN=1 cargo test -p heddle-xds-api --test regenerate` rewrites the committed files.
//!
//! Envoy's `.proto` files come from the package envoy-types, which Cargo fetches but never compiles: it is a
//! dependency of a platform that does not exist.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use prost::Message;
use prost_types::FileDescriptorSet;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use protox::prost_reflect::DescriptorPool;

#[path = "regenerate/prune.rs"]
mod prune;
#[path = "regenerate/rules.rs"]
mod rules;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The folders below envoy-types' `proto/` that imports are relative to.
const INCLUDES: [&str; 8] = [
    "data-plane-api",
    "xds",
    "googleapis",
    "protoc-gen-validate",
    "cel-spec/proto",
    "opentelemetry-proto",
    "client_model",
    "ratelimit/api",
];

#[test]
fn generated_code_is_current() {
    let (everything, pools) = descriptors();
    let kept = prune::prune(&everything, &roots());
    let mut wanted = generate(&kept);
    wanted.insert("rules.rs".to_owned(), rules::table(&pools, &prune::messages(&kept)).into_bytes());
    // JSON knows every message of Envoy, not only those we have code for: an EnvoyFilter may name any of them.
    wanted.insert("descriptors.bin".to_owned(), everything.encode_to_vec());

    let folder = Path::new(ROOT).join("gen");
    if std::env::var_os("UPDATE_GEN").is_some() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, content) in &wanted {
            fs::write(folder.join(name), content).unwrap();
        }
    }
    let committed = read_folder(&folder);
    assert_eq!(committed.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "run with UPDATE_GEN=1");
    for (name, content) in &wanted {
        assert!(committed[name] == *content, "{name} differs: run with UPDATE_GEN=1");
    }
}

/// Every message that envoy-types and we describe, without options and comments; and the same with them, in pools.
fn descriptors() -> (FileDescriptorSet, Vec<DescriptorPool>) {
    let ours = Path::new(ROOT).join("proto");
    let theirs = envoy_protos();
    let mut includes = vec![ours.clone()];
    includes.extend(INCLUDES.iter().map(|include| theirs.join(include)));

    let (mut found, mut pools) = (BTreeMap::new(), Vec::new());
    for include in &includes {
        for file in protos_below(include) {
            let file = file.strip_prefix(include).unwrap();
            // Of the second API version only what the third still refers to.
            let old =
                file.components().any(|part| ["v2", "v2alpha"].iter().any(|version| part.as_os_str() == *version));
            if !old && !found.contains_key(file.to_str().unwrap()) {
                // A compiler a file: protox looks names up in packages that a file does not import.
                let mut resolver = ChainFileResolver::new();
                resolver.add(Spelled(includes.clone()));
                resolver.add(GoogleFileResolver::new());
                let mut compiler = protox::Compiler::with_file_resolver(resolver);
                compiler.include_imports(true).open_file(file.to_str().unwrap()).unwrap();
                pools.push(compiler.descriptor_pool());
                let set = compiler.file_descriptor_set().file;
                found.extend(set.into_iter().map(|file| (file.name().to_owned(), file)));
            }
        }
    }
    (prune::without_options(FileDescriptorSet { file: found.into_values().collect() }), pools)
}

/// Reads files, and spells out the one type name that protox still looks up in a file that is not imported.
struct Spelled(Vec<PathBuf>);

impl FileResolver for Spelled {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let source = self.0.iter().find_map(|include| fs::read_to_string(include.join(name)).ok());
        let source = source.ok_or_else(|| protox::Error::file_not_found(name))?;
        let short = " common.dynamic_forward_proxy.v3.DnsCacheConfig";
        File::from_source(
            name,
            &source.replace(short, " .envoy.extensions.common.dynamic_forward_proxy.v3.DnsCacheConfig"),
        )
    }
}

fn roots() -> Vec<String> {
    let lines = fs::read_to_string(Path::new(ROOT).join("proto/roots.txt")).unwrap();
    lines.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// The generated files by name.
fn generate(descriptors: &FileDescriptorSet) -> BTreeMap<String, Vec<u8>> {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gen");
    let _ = fs::remove_dir_all(&out);
    fs::create_dir_all(&out).unwrap();

    let mut config = prost_build::Config::new();
    config
        // A HashMap has no order: the same message would be other bytes at each encoding.
        .btree_map(["."])
        .enable_type_names()
        .type_name_domain(["."], "type.googleapis.com")
        .include_file("all.rs")
        .out_dir(&out);
    tonic_prost_build::configure()
        .build_transport(false)
        .out_dir(&out)
        .compile_fds_with_config(descriptors.clone(), config)
        .unwrap();
    read_folder(&out)
}

fn read_folder(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

fn envoy_protos() -> PathBuf {
    let metadata = cargo_metadata::MetadataCommand::new().current_dir(ROOT).exec().unwrap();
    let package = metadata.packages.iter().find(|package| package.name.as_str() == "envoy-types").unwrap();
    package.manifest_path.parent().unwrap().join("proto").into_std_path_buf()
}

fn protos_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "proto") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
