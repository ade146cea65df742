//! Noticing that files have changed: written, renamed into place, swapped by a link, gone, or back.
//!
//! The operating system only says that something happened in a directory; what
//! changed is found out by looking. So it does not matter how a change was made,
//! and looking from time to time is enough where nothing is said at all.

use gatelet::limits::MAX_SOURCE_BYTES;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::hash::{DefaultHasher, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Most links that are followed from one path to its file.
const MAX_LINKS: usize = 40;
/// The coarsest that file systems tell times, and a bit: FAT has 2 s.
const COARSEST: Duration = Duration::from_secs(3);

/// Files that are watched.
pub(crate) struct Watch {
    /// What was last seen; nothing where there is no file that can be read.
    files: BTreeMap<PathBuf, Option<Sight>>,
    /// The directories whose changes are told.
    directories: BTreeSet<PathBuf>,
    watcher: Option<RecommendedWatcher>,
    /// Why changes are not told.
    problem: Option<String>,
}

/// What a file looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sight {
    outside: Outside,
    content: u64,
    /// Whether it was long enough ago that it had changed when it was looked at. A change soon after another
    /// may not show from outside: then only reading tells.
    is_settled: bool,
}

/// What a look at its entry tells.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outside {
    /// Where the path really leads.
    real: PathBuf,
    length: u64,
    /// When it changed, or its entry did, and which entry that is; as far as the system says.
    modified: Option<SystemTime>,
    entry: Option<(u64, i64, i64)>,
}

/// Why to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Something was told.
    Told,
    /// It is time to.
    Timed,
}

impl Watch {
    /// `told` is called when something may have changed, from another thread.
    pub(crate) fn new(told: impl Fn() + Send + 'static) -> Self {
        let handler = move |event: notify::Result<Event>| {
            // Reading is no change, and looking reads; what went wrong is a reason to look.
            if event.map_or(true, |event| !event.kind.is_access()) {
                told();
            }
        };
        let (watcher, problem) = match notify::recommended_watcher(handler) {
            Ok(watcher) => (Some(watcher), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self {
            files: BTreeMap::new(),
            directories: BTreeSet::new(),
            watcher,
            problem,
        }
    }

    /// Watches these files, and no others; whether any of them was not watched before.
    ///
    /// What a new one looks like now counts as seen: read it afterwards, and no change is missed.
    pub(crate) fn follow(&mut self, paths: BTreeSet<PathBuf>) -> bool {
        let before = std::mem::take(&mut self.files);
        // First the watch, then the look: nothing happens unseen between them.
        self.watch_directories(&paths);
        let is_new = paths.iter().any(|path| !before.contains_key(path));
        self.files = paths
            .into_iter()
            .map(|path| {
                let seen = before.get(&path).cloned();
                let sight = seen.unwrap_or_else(|| Sight::of(&path));
                (path, sight)
            })
            .collect();
        is_new
    }

    /// The files that have changed since they were last looked at.
    pub(crate) fn changed(&mut self, look: Look) -> Vec<PathBuf> {
        let mut changed = Vec::new();
        for (path, before) in &mut self.files {
            if before
                .as_ref()
                .is_some_and(|before| before.still_holds(path))
            {
                continue;
            }
            let now = Sight::of(path);
            let is_same = match (&*before, &now) {
                (Some(before), Some(now)) => before.content == now.content,
                (before, now) => before.is_none() && now.is_none(),
            };
            if !is_same {
                changed.push(path.clone());
            }
            *before = now;
        }
        if look == Look::Told || !changed.is_empty() {
            // Links may lead elsewhere now.
            let paths = self.files.keys().cloned().collect();
            self.watch_directories(&paths);
        }
        changed
    }

    /// Why changes are not told as they happen, but found by looking; if so.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    fn watch_directories(&mut self, paths: &BTreeSet<PathBuf>) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let mut wanted = BTreeSet::new();
        for path in paths {
            add_directories(path, &mut MAX_LINKS.clone(), &mut wanted);
        }
        for gone in self.directories.difference(&wanted) {
            // It may not be there any more, and with it the watch.
            let _ = watcher.unwatch(gone);
        }
        self.problem = None;
        for directory in &wanted {
            // A directory that was made anew is another one: watching again does no harm.
            if let Err(error) = watcher.watch(directory, RecursiveMode::NonRecursive) {
                self.problem = Some(error.to_string());
            }
        }
        self.directories = wanted;
    }
}

impl Sight {
    fn of(path: &Path) -> Option<Self> {
        let outside = Outside::of(path)?;
        let is_settled = outside.is_settled(SystemTime::now());
        let most = u64::try_from(MAX_SOURCE_BYTES).unwrap_or(u64::MAX);
        let mut file = File::open(path).ok()?.take(most.saturating_add(1));
        let (mut hash, mut block) = (DefaultHasher::new(), [0; 16 << 10]);
        loop {
            match file.read(&mut block).ok()? {
                0 => break,
                length => hash.write(block.get(..length)?),
            }
        }
        Some(Self {
            outside,
            content: hash.finish(),
            is_settled,
        })
    }

    /// Whether reading would tell nothing new.
    fn still_holds(&self, path: &Path) -> bool {
        self.is_settled && Outside::of(path).as_ref() == Some(&self.outside)
    }
}

impl Outside {
    /// Of a plain file; whatever else there may be is not read.
    fn of(path: &Path) -> Option<Self> {
        let real = path.canonicalize().ok()?;
        let entry = fs::metadata(&real).ok().filter(Metadata::is_file)?;
        Some(Self {
            real,
            length: entry.len(),
            modified: entry.modified().ok(),
            entry: identity(&entry),
        })
    }

    fn is_settled(&self, now: SystemTime) -> bool {
        let is_long_ago =
            |time: SystemTime| now.duration_since(time).is_ok_and(|age| age > COARSEST);
        let changed = self.entry.and_then(|(_, seconds, _)| {
            let since = Duration::from_secs(u64::try_from(seconds).ok()?);
            SystemTime::UNIX_EPOCH.checked_add(since)
        });
        self.modified.is_some_and(is_long_ago) && changed.is_none_or(is_long_ago)
    }
}

/// Number of the entry, and when it changed: in seconds, and nanoseconds beyond.
#[cfg(unix)]
fn identity(entry: &Metadata) -> Option<(u64, i64, i64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((entry.ino(), entry.ctime(), entry.ctime_nsec()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, i64, i64)> {
    None
}

/// The directories in which something has to happen for the path to lead to something else:
/// that of the file, and those of all links on the way.
fn add_directories(path: &Path, links_left: &mut usize, directories: &mut BTreeSet<PathBuf>) {
    let Ok(path) = std::path::absolute(path) else {
        return;
    };
    let is_there = |directory: &&Path| directory.is_dir();
    directories.extend(path.ancestors().skip(1).find(is_there).map(Path::to_owned));
    for part in path.ancestors() {
        let (Ok(target), Some(parent)) = (fs::read_link(part), part.parent()) else {
            continue;
        };
        let Some(left) = links_left.checked_sub(1) else {
            return;
        };
        *links_left = left;
        directories.insert(parent.to_owned());
        let below = path.strip_prefix(part).unwrap_or(Path::new(""));
        let target = parent.join(target);
        // Joining nothing would ask for a directory.
        let beyond = if below == Path::new("") {
            target
        } else {
            target.join(below)
        };
        add_directories(&beyond, links_left, directories);
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, Outside, Watch};
    use crate::scratch::Scratch;
    use std::fs;
    use std::path::Path;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::{Duration, SystemTime};

    const PATIENCE: Duration = Duration::from_secs(30);

    /// A way to change a file.
    type Change = fn(&Scratch);

    /// A watch of one file, and where it is told of changes.
    fn watch(path: &Path) -> (Watch, Receiver<()>) {
        let (told, tells) = channel();
        let mut watch = Watch::new(move || {
            let _ = told.send(());
        });
        assert!(watch.follow([path.to_owned()].into()));
        assert_eq!(watch.problem(), None);
        assert!(watch.changed(Look::Told).is_empty());
        (watch, tells)
    }

    /// Waits until it is told that the file has changed.
    fn expect_change(watch: &mut Watch, tells: &Receiver<()>, what: &str) {
        loop {
            assert!(tells.recv_timeout(PATIENCE).is_ok(), "not told: {what}");
            if !watch.changed(Look::Told).is_empty() {
                return;
            }
        }
    }

    #[test]
    fn ways_to_change_a_file() {
        let changes: [(&str, Change); 6] = [
            ("written", |dir| dir.write("keys", "two")),
            ("appended", |dir| dir.write("keys", "one and two")),
            ("renamed into place", |dir| dir.replace("keys", "two")),
            ("removed", |dir| fs::remove_file(dir.path("keys")).unwrap()),
            ("removed and made", |dir| {
                fs::remove_file(dir.path("keys")).unwrap();
                dir.write("keys", "two");
            }),
            ("the same length", |dir| dir.write("keys", "eno")),
        ];
        for (what, change) in changes {
            let dir = Scratch::new();
            dir.write("keys", "one");
            let (mut watch, tells) = watch(&dir.path("keys"));
            change(&dir);
            expect_change(&mut watch, &tells, what);
            dir.write("keys", "three");
            expect_change(&mut watch, &tells, "and again");
        }
    }

    #[test]
    fn what_is_no_change() {
        let dir = Scratch::new();
        dir.write("keys", "one");
        let (mut watch, tells) = watch(&dir.path("keys"));
        dir.write("other", "two");
        dir.write("keys", "one");
        assert!(tells.recv_timeout(PATIENCE).is_ok());
        for look in [Look::Timed, Look::Told] {
            assert!(watch.changed(look).is_empty());
        }
    }

    #[test]
    fn looking_is_enough() {
        let dir = Scratch::new();
        let mut watch = Watch::new(|| {});
        assert!(watch.follow([dir.path("keys")].into()));
        assert!(watch.changed(Look::Timed).is_empty(), "not there");
        dir.write("keys", "one");
        assert_eq!(watch.changed(Look::Timed), [dir.path("keys")]);
        dir.write("keys", "longer");
        assert_eq!(watch.changed(Look::Timed), [dir.path("keys")]);
        assert!(watch.changed(Look::Timed).is_empty());
        fs::remove_file(dir.path("keys")).unwrap();
        assert_eq!(watch.changed(Look::Timed), [dir.path("keys")]);
        fs::create_dir(dir.path("keys")).unwrap();
        assert!(watch.changed(Look::Told).is_empty(), "no file");
    }

    #[cfg(unix)]
    #[test]
    fn mounted_secrets_are_swapped_by_a_link() {
        use std::os::unix::fs::symlink;
        let dir = Scratch::new();
        let version = |name: &str, text: &str| {
            fs::create_dir(dir.path(name)).unwrap();
            dir.write(&format!("{name}/pepper"), text);
            symlink(name, dir.path("..next")).unwrap();
            fs::rename(dir.path("..next"), dir.path("..data")).unwrap();
        };
        version("..1", "one");
        symlink("..data/pepper", dir.path("pepper")).unwrap();
        let (mut watch, tells) = watch(&dir.path("pepper"));
        version("..2", "two");
        expect_change(&mut watch, &tells, "swapped");
        fs::remove_dir_all(dir.path("..1")).unwrap();
        version("..3", "three");
        expect_change(&mut watch, &tells, "swapped again");
        dir.write("..3/pepper", "four");
        expect_change(&mut watch, &tells, "written where the link leads");
    }

    #[cfg(unix)]
    #[test]
    fn links_on_the_way_and_in_circles() {
        use std::os::unix::fs::symlink;
        let dir = Scratch::new();
        for (name, text) in [("a", "one"), ("b", "two")] {
            fs::create_dir(dir.path(name)).unwrap();
            dir.write(&format!("{name}/keys"), text);
        }
        symlink("a", dir.path("current")).unwrap();
        let (mut watch, tells) = watch(&dir.path("current/keys"));
        symlink("b", dir.path("next")).unwrap();
        fs::rename(dir.path("next"), dir.path("current")).unwrap();
        expect_change(&mut watch, &tells, "another directory");
        symlink("circle", dir.path("circle")).unwrap();
        assert!(watch.follow([dir.path("circle/keys")].into()));
        assert!(!watch.follow([dir.path("circle/keys")].into()));
        assert!(watch.changed(Look::Told).is_empty());
    }

    #[test]
    fn what_is_settled_is_not_read() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let ago = |seconds: u64| now - Duration::from_secs(seconds);
        let table = [
            (Some(ago(60)), Some(940), true),
            (Some(ago(60)), None, true),
            (Some(ago(3)), Some(940), false),
            // Its entry changed, whatever it says of the file.
            (Some(ago(60)), Some(998), false),
            (Some(now + Duration::from_secs(60)), Some(940), false),
            (None, Some(940), false),
        ];
        for (modified, entry, expected) in table {
            let outside = Outside {
                real: "keys".into(),
                length: 3,
                modified,
                entry: entry.map(|seconds| (1, seconds, 0)),
            };
            assert_eq!(outside.is_settled(now), expected, "{outside:?}");
        }
    }

    #[test]
    fn an_old_file_in_the_place_of_another_is_noticed() {
        let dir = Scratch::new();
        let old = SystemTime::now() - Duration::from_secs(3_600);
        for (name, text) in [("keys", "one"), ("other", "two")] {
            dir.write(name, text);
            let file = fs::File::options()
                .write(true)
                .open(dir.path(name))
                .unwrap();
            file.set_modified(old).unwrap();
        }
        let mut watch = Watch::new(|| {});
        watch.follow([dir.path("keys")].into());
        fs::rename(dir.path("other"), dir.path("keys")).unwrap();
        assert_eq!(watch.changed(Look::Timed), [dir.path("keys")]);
    }
}
