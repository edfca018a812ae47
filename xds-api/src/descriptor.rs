//! Descriptions of our messages and services, for those who ask a server what it serves.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use prost_types::{FileDescriptorProto, FileDescriptorSet};

/// Of all files.
pub(crate) const ALL: &[u8] = include_bytes!("../gen/descriptors.bin");

/// The descriptions of these files, `envoy/service/discovery/v3/ads.proto` for instance, and of all that they build
/// upon.
#[must_use]
pub fn descriptors(files: &[&str]) -> FileDescriptorSet {
    let all = FileDescriptorSet::decode(ALL).unwrap_or_default();
    let known: BTreeMap<&str, &FileDescriptorProto> = all.file.iter().map(|file| (file.name(), file)).collect();
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    let mut next: Vec<&str> = files.to_vec();
    while let Some(name) = next.pop() {
        if wanted.insert(name) {
            let file = known.get(name);
            next.extend(file.into_iter().flat_map(|file| &file.dependency).map(String::as_str));
        }
    }
    let file = all.file.iter().filter(|file| wanted.contains(file.name())).cloned().collect();
    FileDescriptorSet { file }
}

#[cfg(test)]
mod tests {
    use super::descriptors;

    #[test]
    fn a_file_comes_with_all_that_it_builds_upon() {
        let set = descriptors(&["istio/ca.proto", "no/such.proto"]);
        let names: Vec<&str> = set.file.iter().map(prost_types::FileDescriptorProto::name).collect();
        assert!(names.contains(&"istio/ca.proto") && names.contains(&"google/protobuf/struct.proto"), "{names:?}");
        assert!(set.file.iter().flat_map(|file| &file.dependency).all(|needed| names.contains(&needed.as_str())));
    }
}
