//! The folder source on real folders, with everything that writers do to files.

use std::os::unix::fs::symlink;

use tempfile::TempDir;
use tokio::sync::mpsc::{Receiver, channel};

use super::*;

/// What the events say so far: names of objects, and all issues.
struct Observed {
    folder: TempDir,
    batches: Receiver<Batch>,
    names: BTreeSet<String>,
    deleted: Vec<String>,
    applied: usize,
    issues: BTreeMap<PathBuf, Vec<Issue>>,
}

impl Observed {
    fn start(prepare: impl Fn(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let mut seen = Self::watching(folder, |folder| Roots {
            folders: vec![folder.into()],
            mesh: folder.join("../no/mesh"),
            kinds: Kind::all().collect(),
        });
        seen.take();
        seen
    }

    fn watching(folder: TempDir, roots: impl Fn(&Path) -> Roots) -> Self {
        let files = Files::open(roots(folder.path())).unwrap();
        let (sender, batches) = channel(64);
        std::thread::spawn(move || files.run(&sender));
        let (names, deleted, issues) = (BTreeSet::new(), Vec::new(), BTreeMap::new());
        Self { folder, batches, names, deleted, applied: 0, issues }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn take(&mut self) {
        let batch = self.batches.blocking_recv().unwrap();
        self.note(batch);
    }

    fn note(&mut self, batch: Batch) {
        for event in batch.events {
            match event {
                Event::Apply(_, object) => {
                    self.applied += 1;
                    self.names.insert(object.key.name.to_string());
                }
                Event::Delete(_, reference) => {
                    self.names.remove(&*reference.name);
                    self.deleted.push(reference.name.to_string());
                }
                Event::Relist(..) | Event::Synced(..) => {}
            }
        }
        self.issues.extend(batch.issues);
        self.issues.retain(|_, issues| !issues.is_empty());
    }

    /// Takes events until `done`, at most five seconds.
    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let limit = Instant::now() + Duration::from_secs(5);
        while !done(self) {
            assert!(Instant::now() < limit, "never saw {what}: {:?} {:?}", self.names, self.issues);
            match self.batches.try_recv() {
                Ok(batch) => self.note(batch),
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    fn names(&mut self, names: &[&str]) {
        let want: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        self.until(&format!("{names:?}"), |seen| seen.names == want);
    }

    /// Takes whatever comes within a time that is long against [`PATIENCE`].
    fn settle(&mut self) {
        std::thread::sleep(PATIENCE * 4);
        while let Ok(batch) = self.batches.try_recv() {
            self.note(batch);
        }
    }
}

fn object(name: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: a}}\n\
         spec: {{hosts: [{name}.test], ports: [{{number: 80, name: http, protocol: HTTP}}]}}\n---\n"
    )
}

#[test]
fn files_that_come_change_and_go_are_followed() {
    let mut seen = Observed::start(|folder| fs::write(folder.join("one.yaml"), object("a")).unwrap());
    seen.names(&["a"]);
    seen.put("two.yaml", &(object("b") + &object("c")));
    seen.names(&["a", "b", "c"]);
    fs::write(seen.path(".three.tmp"), object("d")).unwrap();
    fs::rename(seen.path(".three.tmp"), seen.path("three.yml")).unwrap();
    seen.names(&["a", "b", "c", "d"]);
    seen.put("two.yaml", &object("c"));
    seen.names(&["a", "c", "d"]);
    fs::rename(seen.path("two.yaml"), seen.path("two.yaml.off")).unwrap();
    fs::remove_file(seen.path("one.yaml")).unwrap();
    seen.names(&["d"]);
    seen.put("notes.txt", "no: [yaml");
    seen.put("two.yaml~", "no: [yaml");
    seen.settle();
    assert!(seen.issues.is_empty(), "{:?}", seen.issues);
}

#[test]
fn a_rename_is_picked_up_without_a_wait() {
    let mut seen = Observed::start(|_| {});
    let mut worst = Duration::ZERO;
    for turn in 0..20 {
        fs::write(seen.path(".new"), object(&format!("a{turn}"))).unwrap();
        fs::rename(seen.path(".new"), seen.path("a.yaml")).unwrap();
        let start = Instant::now();
        let name = format!("a{turn}");
        seen.until(&name, |seen| seen.names.contains(&name));
        worst = worst.max(start.elapsed());
    }
    assert!(worst < PATIENCE, "{worst:?}");
}

#[test]
fn editors_that_save_by_removing_first_delete_nothing() {
    let mut seen = Observed::start(|folder| fs::write(folder.join("a.yaml"), object("a")).unwrap());
    for turn in 0..5 {
        fs::rename(seen.path("a.yaml"), seen.path("a.yaml~")).unwrap();
        seen.put("a.yaml", &(object("a") + &object(&format!("b{turn}"))));
        fs::remove_file(seen.path("a.yaml~")).unwrap();
        seen.names(&["a", &format!("b{turn}")]);
        seen.put("a.yaml", "");
        seen.put("a.yaml", &object("a"));
        seen.names(&["a"]);
    }
    seen.settle();
    assert!(!seen.deleted.contains(&"a".to_owned()), "{:?}", seen.deleted);
    seen.put("a.yaml", "");
    seen.names(&[]);
}

#[test]
fn a_file_that_does_not_parse_keeps_its_objects_and_says_why() {
    let mut seen = Observed::start(|folder| fs::write(folder.join("a.yaml"), object("a") + &object("b")).unwrap());
    seen.put("a.yaml", &(object("c") + "spec: [unclosed\n"));
    seen.until("an issue", |seen| !seen.issues.is_empty());
    seen.names(&["a", "b", "c"]);
    let (path, issues) = seen.issues.first_key_value().unwrap();
    assert_eq!((path, issues.len()), (&seen.path("a.yaml"), 1));
    seen.put("a.yaml", &object("c"));
    seen.names(&["c"]);
    assert!(seen.issues.is_empty(), "{:?}", seen.issues);
}

#[test]
fn a_file_that_did_not_change_applies_nothing() {
    let mut seen = Observed::start(|folder| fs::write(folder.join("a.yaml"), object("a") + &object("b")).unwrap());
    seen.put("a.yaml", &(object("a") + &object("b") + &object("c")));
    seen.names(&["a", "b", "c"]);
    assert_eq!(seen.applied, 3);
    seen.put("a.yaml", &(object("a") + &object("b") + &object("c")));
    seen.settle();
    assert_eq!((seen.applied, seen.deleted.len()), (3, 0));
}

#[test]
fn a_mounted_config_map_changes_all_its_files_at_once() {
    let generation = |folder: &Path, name: &str, texts: [String; 2]| {
        fs::create_dir(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("a.yaml"), &texts[0]).unwrap();
        fs::write(folder.join(name).join("b.yaml"), &texts[1]).unwrap();
        symlink(name, folder.join("..data_tmp")).unwrap();
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    };
    let mut seen = Observed::start(|folder| {
        generation(folder, "..1", [object("a"), object("b")]);
        symlink("..data/a.yaml", folder.join("a.yaml")).unwrap();
        symlink("..data/b.yaml", folder.join("b.yaml")).unwrap();
    });
    seen.names(&["a", "b"]);
    generation(seen.folder.path(), "..2", [object("c"), object("d")]);
    fs::remove_dir_all(seen.path("..1")).unwrap();
    seen.names(&["c", "d"]);
    generation(seen.folder.path(), "..3", [object("c"), object("e")]);
    seen.names(&["c", "e"]);
}

#[test]
fn folders_in_the_folder_count_whenever_they_come() {
    let mut seen = Observed::start(|folder| fs::create_dir(folder.join("team")).unwrap());
    seen.put("team/a.yaml", &object("a"));
    seen.names(&["a"]);
    fs::create_dir_all(seen.path("x/y")).unwrap();
    seen.put("x/y/b.yaml", &object("b"));
    seen.names(&["a", "b"]);
    seen.put("x/y/c.yaml", &object("c"));
    seen.names(&["a", "b", "c"]);
    fs::rename(seen.path("x"), seen.path("z")).unwrap();
    seen.settle();
    seen.put("z/y/d.yaml", &object("d"));
    seen.names(&["a", "b", "c", "d"]);
    fs::create_dir(seen.path(".git")).unwrap();
    seen.put(".git/e.yaml", &object("e"));
    fs::remove_dir_all(seen.path("z")).unwrap();
    seen.names(&["a"]);
}

#[test]
fn a_folder_that_is_exchanged_behind_a_link_is_followed() {
    let place = tempfile::tempdir().unwrap();
    for (folder, name) in [("1", "a"), ("2", "b")] {
        fs::create_dir(place.path().join(folder)).unwrap();
        fs::write(place.path().join(folder).join("x.yaml"), object(name)).unwrap();
    }
    symlink("1", place.path().join("current")).unwrap();
    let mut seen = Observed::watching(place, |place| Roots {
        folders: vec![place.join("current")],
        mesh: place.join("mesh"),
        kinds: Kind::all().collect(),
    });
    seen.names(&["a"]);
    symlink("2", seen.path("next")).unwrap();
    fs::rename(seen.path("next"), seen.path("current")).unwrap();
    seen.names(&["b"]);
    seen.put("2/y.yaml", &object("c"));
    seen.names(&["b", "c"]);
    seen.put("mesh", "accessLogFile: /dev/stdout\n");
    seen.names(&["b", "c", "mesh"]);
}

/// Watches the folder `root`, which holds the object `a`.
fn watching_root() -> Observed {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("root")).unwrap();
    fs::write(place.path().join("root/a.yaml"), object("a")).unwrap();
    let mut seen = Observed::watching(place, |place| Roots {
        folders: vec![place.join("root")],
        mesh: place.join("mesh"),
        kinds: Kind::all().collect(),
    });
    seen.names(&["a"]);
    seen
}

#[test]
fn a_root_that_vanishes_keeps_what_it_gave() {
    let mut seen = watching_root();
    fs::rename(seen.path("root"), seen.path("away")).unwrap();
    seen.settle();
    seen.names(&["a"]);
    fs::create_dir(seen.path("root")).unwrap();
    seen.put("root/b.yaml", &object("b"));
    seen.names(&["b"]);
}

#[test]
fn an_empty_folder_in_the_place_of_a_root_deletes_nothing() {
    let mut seen = watching_root();
    fs::create_dir(seen.path("empty")).unwrap();
    fs::rename(seen.path("root"), seen.path("away")).unwrap();
    fs::rename(seen.path("empty"), seen.path("root")).unwrap();
    seen.settle();
    seen.names(&["a"]);
    assert!(seen.deleted.is_empty());
    seen.put("root/b.yaml", &object("b"));
    seen.names(&["b"]);
    fs::remove_file(seen.path("root/b.yaml")).unwrap();
    seen.names(&[]);
}

#[test]
fn a_folder_stays_watched_when_a_link_to_it_is_removed() {
    let mut seen = Observed::start(|folder| {
        fs::create_dir(folder.join("a")).unwrap();
        fs::write(folder.join("a/one.yaml"), object("one")).unwrap();
    });
    seen.names(&["one"]);
    symlink("a", seen.path("b")).unwrap();
    seen.settle();
    seen.put("a/two.yaml", &object("two"));
    seen.names(&["one", "two"]);
    fs::remove_file(seen.path("b")).unwrap();
    seen.settle();
    seen.put("a/three.yaml", &object("three"));
    seen.names(&["one", "three", "two"]);
    fs::remove_file(seen.path("a/one.yaml")).unwrap();
    seen.names(&["three", "two"]);
}

#[test]
fn of_two_files_the_later_counts_and_the_other_is_told_of() {
    let mut seen = Observed::start(|folder| {
        fs::write(folder.join("a.yaml"), object("x") + &object("y")).unwrap();
        fs::write(folder.join("b.yaml"), object("x")).unwrap();
    });
    let overruled: Vec<&Issue> = seen.issues.get(&seen.path("a.yaml")).unwrap().iter().collect();
    assert_eq!((overruled.len(), overruled[0].reason), (1, "Overruled"));
    fs::remove_file(seen.path("b.yaml")).unwrap();
    seen.until("no issue", |seen| seen.issues.is_empty());
    seen.names(&["x", "y"]);
}

#[test]
fn when_events_are_lost_everything_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let roots = Roots { folders: vec![folder.path().into()], mesh: "/no/mesh".into(), kinds: Kind::all().collect() };
    let mut files = Files::open(roots).unwrap();
    assert_eq!(files.look_everywhere(Instant::now()).events.len(), 0);
    fs::write(folder.path().join("a.yaml"), object("a")).unwrap();
    let batch = files.look(&Changes { lost: true, ..Changes::default() });
    assert_eq!(batch.events.len(), 1);
}

#[test]
fn a_folder_that_is_missing_at_start_is_refused() {
    let roots =
        Roots { folders: vec!["/no/such/folder".into()], mesh: "/no/mesh".into(), kinds: Kind::all().collect() };
    assert!(matches!(Files::open(roots), Err(FilesError::Folder { .. })));
}
