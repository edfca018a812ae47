//! Files and folders: what may lie at the top, how many children, which names, how long.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::{Rules, Violation};

/// Endings of the files whose length is limited.
const LIMITED: [&str; 3] = [".rs", ".py", ".sh"];

pub(crate) fn check(files: &[String], rules: &Rules, read: impl Fn(&str) -> String) -> Vec<Violation> {
    let mut found = top(files, rules);
    found.extend(children(files, rules));
    for path in files.iter().filter(|path| !rules.tree.is_generated(path)) {
        found.extend(name(path, rules));
        if LIMITED.iter().any(|ending| path.ends_with(ending)) {
            found.extend(length(path, &read(path), rules));
        }
    }
    found
}

fn top(files: &[String], rules: &Rules) -> Vec<Violation> {
    let entries: BTreeSet<_> = files.iter().filter_map(|path| path.split('/').next()).collect();
    let strange = entries.into_iter().filter(|entry| !rules.tree.top.iter().any(|allowed| allowed == entry));
    strange
        .map(|entry| {
            Violation::of(
                "top",
                entry,
                "this is not one of the top level's entries",
                "put it where its noun lives, or add it to tidy.toml",
            )
        })
        .collect()
}

fn children(files: &[String], rules: &Rules) -> Vec<Violation> {
    let mut folders: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for path in files.iter().filter(|path| !rules.tree.is_generated(path)) {
        let mut rest = path.as_str();
        while let Some((folder, child)) = rest.rsplit_once('/') {
            folders.entry(folder).or_default().insert(child);
            rest = folder;
        }
    }
    let limit = rules.limits.children;
    let crowded = folders.into_iter().filter(|(_, children)| children.len() > limit);
    crowded
        .map(|(folder, children)| {
            Violation::of(
                "children",
                &format!("{folder}/"),
                format!("{} entries, more than {limit}", children.len()),
                "group them by noun",
            )
        })
        .collect()
}

fn name(path: &str, rules: &Rules) -> Vec<Violation> {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.split('.').next().unwrap_or(file);
    let mut found = Vec::new();
    if file == "mod.rs" {
        found.push(Violation::of(
            "mod-file",
            path,
            "mod.rs says nothing in a list of open files",
            "name it after the folder, beside it",
        ));
    }
    for part in path.split('/').map(|part| part.split('.').next().unwrap_or(part)) {
        if let Some(word) =
            part.split(['_', '-']).find(|word| rules.tree.banned_words.iter().any(|banned| banned == word))
        {
            let mend = format!("name {stem} after what it holds");
            found.push(Violation::of("name", path, format!("`{word}` says nothing of what is inside"), mend));
        }
    }
    found
}

fn length(path: &str, text: &str, rules: &Rules) -> Option<Violation> {
    let (lines, limit) = (text.lines().count(), rules.limits.file_lines);
    (lines > limit).then(|| {
        Violation::of(
            "file-lines",
            path,
            format!("{lines} lines, more than {limit}"),
            "split it by noun into foo.rs and foo/",
        )
        .at(limit)
    })
}
