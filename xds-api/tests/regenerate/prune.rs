//! The descriptors of a set of messages and of what they refer to.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::{DescriptorProto, FieldOptions, FileDescriptorProto, FileDescriptorSet, MessageOptions};

/// The services that we serve or call.
const SERVICES: [&str; 3] = ["AggregatedDiscoveryService", "SecretDiscoveryService", "IstioCertificateService"];

/// Keeps of `everything` what `roots` (messages, or `package.*`) reach.
pub(crate) fn prune(everything: &FileDescriptorSet, roots: &[String]) -> FileDescriptorSet {
    let references = references(everything);
    let mut kept = BTreeSet::new();
    let mut queue: Vec<String> = Vec::new();
    for root in roots {
        let before = queue.len();
        match root.strip_suffix(".*") {
            Some(package) => queue.extend(top_level(everything, package)),
            None => queue.extend(references.contains_key(root).then(|| root.clone())),
        }
        assert!(queue.len() > before, "roots.txt: no message {root}");
    }
    while let Some(name) = queue.pop() {
        if kept.insert(name.clone()) {
            queue.extend(references.get(&name).into_iter().flatten().cloned());
        }
    }
    let mut files: Vec<_> = everything.file.iter().filter_map(|file| prune_file(file, &kept)).collect();
    let names: BTreeSet<_> = files.iter().map(|file| file.name().to_owned()).collect();
    for file in &mut files {
        file.dependency.retain(|name| names.contains(name));
    }
    FileDescriptorSet { file: files }
}

/// Without the annotations, which are for others (validation, documentation) and double the size.
pub(crate) fn without_options(mut set: FileDescriptorSet) -> FileDescriptorSet {
    for file in &mut set.file {
        file.options = None;
        file.source_code_info = None;
        file.message_type.iter_mut().for_each(strip_message);
        file.enum_type.iter_mut().for_each(strip_enum);
        for service in &mut file.service {
            service.options = None;
            service.method.iter_mut().for_each(|method| method.options = None);
        }
    }
    set
}

/// The full names of all messages of a set.
pub(crate) fn messages(set: &FileDescriptorSet) -> BTreeSet<String> {
    references(set).into_keys().collect()
}

fn strip_message(message: &mut DescriptorProto) {
    let map_entry = message.options.as_ref().and_then(|options| options.map_entry);
    message.options = map_entry.map(|_| MessageOptions { map_entry, ..Default::default() });
    for field in &mut message.field {
        let packed = field.options.as_ref().and_then(|options| options.packed);
        field.options = packed.map(|_| FieldOptions { packed, ..Default::default() });
    }
    message.oneof_decl.iter_mut().for_each(|oneof| oneof.options = None);
    message.nested_type.iter_mut().for_each(strip_message);
    message.enum_type.iter_mut().for_each(strip_enum);
}

fn strip_enum(definition: &mut prost_types::EnumDescriptorProto) {
    definition.options = definition
        .options
        .take()
        .filter(prost_types::EnumOptions::allow_alias)
        .map(|options| prost_types::EnumOptions { allow_alias: options.allow_alias, ..Default::default() });
    definition.value.iter_mut().for_each(|value| value.options = None);
}

fn prune_file(file: &FileDescriptorProto, kept: &BTreeSet<String>) -> Option<FileDescriptorProto> {
    let package = file.package();
    // prost-types has them; the generator wants to know of them all the same.
    if package == "google.protobuf" {
        return Some(file.clone());
    }
    let mut file = file.clone();
    file.message_type.retain_mut(|message| prune_message(message, package, kept));
    file.enum_type.retain(|definition| kept.contains(&format!("{package}.{}", definition.name())));
    file.service.retain(|service| SERVICES.contains(&service.name()));
    file.extension.clear();
    (!file.message_type.is_empty() || !file.enum_type.is_empty() || !file.service.is_empty()).then_some(file)
}

fn prune_message(message: &mut DescriptorProto, parent: &str, kept: &BTreeSet<String>) -> bool {
    let name = format!("{parent}.{}", message.name());
    message.nested_type.retain_mut(|nested| prune_message(nested, &name, kept));
    message.enum_type.retain(|definition| kept.contains(&format!("{name}.{}", definition.name())));
    kept.contains(&name)
}

fn top_level<'a>(everything: &'a FileDescriptorSet, package: &'a str) -> impl Iterator<Item = String> + 'a {
    let files = everything.file.iter().filter(move |file| file.package() == package);
    files.flat_map(|file| &file.message_type).map(move |message| format!("{package}.{}", message.name()))
}

/// What each message and enum refers to; a nested one refers to its parent, which is the module it lives in.
fn references(everything: &FileDescriptorSet) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for file in &everything.file {
        for message in &file.message_type {
            message_references(message, file.package(), &mut found);
        }
    }
    found
}

fn message_references(message: &DescriptorProto, parent: &str, found: &mut BTreeMap<String, Vec<String>>) {
    let name = format!("{parent}.{}", message.name());
    let fields = message.field.iter().filter_map(|field| field.type_name.as_deref());
    let mut to: Vec<_> = fields.map(|field| field.trim_start_matches('.').to_owned()).collect();
    to.push(parent.to_owned());
    found.insert(name.clone(), to);
    for nested in &message.nested_type {
        message_references(nested, &name, found);
    }
    for definition in &message.enum_type {
        found.insert(format!("{name}.{}", definition.name()), vec![name.clone()]);
    }
}
