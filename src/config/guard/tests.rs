use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

use super::*;
use crate::config::{ConfigSelection, Environment, find};

const SITE_USER: u32 = 0;
const USER: u32 = 1000;
const OTHER_USER: u32 = 1001;

fn file(owner: u32, mode: u32) -> AccessRights {
    AccessRights {
        owner,
        user: USER,
        mode,
        kind: FileType::RegularFile,
    }
}

fn directory(owner: u32, mode: u32) -> DirectoryAccess {
    DirectoryAccess {
        entry: "gateway.yaml".into(),
        rights: AccessRights {
            kind: FileType::Directory,
            ..file(owner, mode)
        },
        is_read_only: false,
    }
}

/// What the rules for the user's own files say.
fn user_fault(access: &FileAccess) -> Option<FileFault> {
    super::user_fault(access).map(|(_, fault)| fault)
}

fn change_fault(access: &FileAccess, holds_settings: bool) -> Option<FileFault> {
    super::change_fault(access, holds_settings).map(|(_, fault)| fault)
}

/// What the rules for a site's files say.
fn site_fault(access: &FileAccess, holds_secret: bool) -> Option<FileFault> {
    super::site_fault(access, holds_secret).map(|(_, fault)| fault)
}

/// Access to a file and a directory that the user owns.
fn own(file_mode: u32, directory_mode: u32) -> FileAccess {
    FileAccess {
        file: file(USER, file_mode),
        directories: vec![directory(USER, directory_mode)],
        link_owners: Vec::new(),
        untrusted: None,
    }
}

/// Access to a file and a directory of the site.
fn site(file_mode: u32, directory_mode: u32) -> FileAccess {
    FileAccess {
        file: file(SITE_USER, file_mode),
        directories: vec![directory(SITE_USER, directory_mode)],
        ..own(0, 0)
    }
}

#[test]
fn user_file_must_have_mode_600() {
    assert_eq!(user_fault(&own(0o600, 0o755)), None);
    for mode in [0o400, 0o601, 0o610, 0o640, 0o644, 0o660, 0o700, 0o4600] {
        assert_eq!(user_fault(&own(mode, 0o755)), Some(FileFault::Mode(mode)));
    }
}

#[test]
fn user_file_must_be_own_and_regular() {
    let mut access = own(0o600, 0o755);
    access.file.owner = OTHER_USER;
    let not_own = Some(FileFault::NotYours(OTHER_USER));
    assert_eq!(user_fault(&access), not_own);
    assert_eq!(change_fault(&access, false), not_own);
    let mut access = own(0o600, 0o755);
    access.file.kind = FileType::Fifo;
    assert_eq!(user_fault(&access), Some(FileFault::NotRegular));
}

#[test]
fn user_directory_must_be_of_the_user_or_root_and_closed_to_other_writers() {
    for mode in [0o770, 0o775, 0o702, 0o1777] {
        let fault = Some(FileFault::DirectoryMode(mode));
        assert_eq!(user_fault(&own(0o600, mode)), fault);
        assert_eq!(change_fault(&own(0o600, mode), true), fault);
        assert_eq!(change_fault(&own(0o644, mode), true), fault);
    }
    for (owner, fault) in [
        (USER, None),
        (0, None),
        (OTHER_USER, Some(FileFault::DirectoryNotYours(OTHER_USER))),
    ] {
        let access = FileAccess {
            directories: vec![directory(owner, 0o755)],
            ..own(0o600, 0)
        };
        assert_eq!(user_fault(&access), fault);
        assert_eq!(change_fault(&access, true), fault);
    }
}

#[test]
fn file_to_be_changed_may_be_readable_and_a_template_even_writable() {
    for (mode, holds_settings, fault) in [
        (0o600, true, None),
        (0o644, true, None),
        (0o664, true, Some(FileFault::Mode(0o664))),
        (0o646, true, Some(FileFault::Mode(0o646))),
        (0o666, false, None),
        (0o644, false, None),
    ] {
        assert_eq!(change_fault(&own(mode, 0o755), holds_settings), fault);
    }
}

#[test]
fn site_file_may_be_anybodys_but_not_writable_by_everybody() {
    for (mode, holds_secret, fault) in [
        (0o644, false, None),
        (0o664, false, None),
        (0o640, false, None),
        (0o600, true, None),
        (
            0o646,
            false,
            Some(FileFault::WritableForAll {
                mode: 0o646,
                is_own: false,
            }),
        ),
        (
            0o602,
            true,
            Some(FileFault::WritableForAll {
                mode: 0o602,
                is_own: false,
            }),
        ),
        (
            0o640,
            true,
            Some(FileFault::SecretForAll {
                mode: 0o640,
                is_own: false,
            }),
        ),
        (
            0o604,
            true,
            Some(FileFault::SecretForAll {
                mode: 0o604,
                is_own: false,
            }),
        ),
        (0o711, true, None),
    ] {
        assert_eq!(site_fault(&site(mode, 0o755), holds_secret), fault);
    }
}

#[test]
fn fault_of_a_site_file_says_if_it_is_own() {
    let is_own = true;
    let writable = FileFault::WritableForAll {
        mode: 0o646,
        is_own,
    };
    assert_eq!(site_fault(&own(0o646, 0o755), false), Some(writable));
    let exposed = FileFault::SecretForAll {
        mode: 0o644,
        is_own,
    };
    assert_eq!(site_fault(&own(0o644, 0o755), true), Some(exposed));
}

#[test]
fn site_directory_is_not_writable_by_everybody_unless_mounted_read_only() {
    let fault = Some(FileFault::DirectoryWritableForAll(0o777));
    assert_eq!(site_fault(&site(0o644, 0o775), false), None);
    assert_eq!(site_fault(&site(0o644, 0o777), false), fault);
    let mut access = site(0o644, 0o755);
    access.directories.push(directory(SITE_USER, 0o777));
    assert_eq!(site_fault(&access, false), fault);
    access.directories[1] = directory(SITE_USER, 0o755);
    assert_eq!(site_fault(&access, false), None);
    let mut access = site(0o644, 0o777);
    access.directories[0].is_read_only = true;
    assert_eq!(site_fault(&access, false), None);
}

/// Configuration directory in a temporary one, whose files are the user's or the site's.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a directory");
        fs::create_dir(home.path().join("dask")).expect("a directory");
        Self(home)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("dask").join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("written");
        set_mode(&path, 0o600);
        path
    }

    fn candidate(&self, owner: Owner, name: &str) -> Candidate {
        let place = self.0.path().join("dask");
        let site = match owner {
            Owner::Site => place.display().to_string(),
            Owner::User => "/nonexistent".to_owned(),
        };
        let environment = Environment::from_iter([("DASK_ROOT_CONFIG".to_owned(), site)]);
        let selection = match owner {
            Owner::Site => ConfigSelection::Dask,
            Owner::User => ConfigSelection::Path(place),
        };
        find::candidates(&environment, &selection)
            .expect("it can be listed")
            .into_iter()
            .find(|candidate| candidate.owner == owner && candidate.path.ends_with(name))
            .expect("it is in the directory")
    }

    fn open(&self, owner: Owner, name: &str) -> Result<Option<Opened>, FileFault> {
        open(&self.candidate(owner, name)).map_err(|error| match error {
            Error::Refused { fault, .. } => fault,
            other => panic!("{other}"),
        })
    }

    /// Text of the user's file `name`.
    fn text(&self, name: &str) -> Result<Option<String>, FileFault> {
        let opened = self.open(Owner::User, name)?;
        Ok(opened.map(|opened| opened.text))
    }

    /// Result of opening and judging a file.
    fn judged(&self, owner: Owner, name: &str, holds_secret: bool) -> Result<(), Error> {
        let candidate = self.candidate(owner, name);
        let opened = open(&candidate)?.expect("it exists");
        judge(&candidate, &opened, holds_secret)
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode can be set");
}

fn fault(result: &Result<(), Error>) -> Option<FileFault> {
    match result {
        Err(Error::Refused { fault, .. }) => Some(*fault),
        _ => None,
    }
}

#[test]
fn text_and_mode_are_read() {
    let home = Home::new();
    let path = home.write("gateway.yaml", "gateway: {}");
    set_mode(&path, 0o640);
    let opened = home.open(Owner::User, "gateway.yaml");
    let opened = opened.expect("no error").expect("it exists");
    assert_eq!(opened.text, "gateway: {}");
    assert_eq!(opened.mode(), 0o640);
}

#[test]
fn missing_file_is_none() {
    let home = Home::new();
    let path = home.write("gateway.yaml", "");
    let candidate = home.candidate(Owner::User, "gateway.yaml");
    fs::remove_file(path).expect("removed");
    assert!(open(&candidate).is_ok_and(|opened| opened.is_none()));
}

#[test]
fn file_in_the_current_directory_is_found() {
    let followed = follow(Path::new("Cargo.toml")).expect("it can be followed");
    assert!(followed.file.is_ok() && followed.links.is_empty());
}

#[test]
fn size_is_limited_for_files_of_the_gateway_or_that_mention_it() {
    let home = Home::new();
    let mut text = " ".repeat(64 * 1024);
    home.write("gateway.yaml", &text);
    assert_eq!(home.text("gateway.yaml"), Ok(Some(text.clone())));
    text.push(' ');
    home.write("gateway.yaml", &text);
    home.write("other.yaml", &text);
    home.write("mention.yaml", format!("gateway:\n{text}"));
    assert_eq!(home.text("gateway.yaml"), Err(FileFault::TooLarge));
    assert_eq!(home.text("other.yaml"), Ok(None));
    assert_eq!(home.text("mention.yaml"), Err(FileFault::TooLarge));
}

#[test]
fn binary_is_refused_in_files_of_the_gateway_or_that_mention_it() {
    let home = Home::new();
    home.write("gateway.yaml", b"\xff");
    home.write("other.yaml", b"\xff");
    home.write("mention.yaml", b"gateway: \xff");
    assert_eq!(home.text("gateway.yaml"), Err(FileFault::NotText));
    assert_eq!(home.text("other.yaml"), Ok(None));
    assert_eq!(home.text("mention.yaml"), Err(FileFault::NotText));
}

#[test]
fn fifos_and_directories_are_not_regular() {
    let home = Home::new();
    fs::create_dir(home.path("gateway.yaml")).expect("a directory");
    for name in ["gateway.json", "other.yaml"] {
        let (cwd, mode) = (rustix::fs::CWD, Mode::RUSR | Mode::WUSR);
        rustix::fs::mknodat(cwd, home.path(name), FileType::Fifo, mode, 0).expect("a FIFO");
    }
    assert_eq!(home.text("gateway.yaml"), Err(FileFault::NotRegular));
    assert_eq!(home.text("gateway.json"), Err(FileFault::NotRegular));
    assert_eq!(home.text("other.yaml"), Ok(None));
}

#[test]
fn unreadable_file_matters_only_if_it_is_the_users_for_the_gateway() {
    let home = Home::new();
    // Nobody can open a socket as a file, not even root.
    for name in ["gateway.yaml", "other.yaml"] {
        let _socket = UnixListener::bind(home.path(name)).expect("a socket");
        set_mode(&home.path(name), 0o604);
    }
    let errno = Errno::NXIO;
    let unreadable = Err(FileFault::Unreadable { mode: None, errno });
    assert_eq!(home.text("gateway.yaml"), unreadable);
    assert_eq!(home.text("other.yaml"), Ok(None));
    for name in ["gateway.yaml", "other.yaml"] {
        assert!(
            home.open(Owner::Site, name)
                .is_ok_and(|opened| opened.is_none())
        );
    }
    symlink("gateway.json", home.path("gateway.json")).expect("a link to itself");
    let errno = Errno::LOOP;
    let unreadable = Err(FileFault::Unreadable { mode: None, errno });
    assert_eq!(home.text("gateway.json"), unreadable);
}

#[test]
fn user_file_is_judged_by_its_own_rules() {
    let home = Home::new();
    let path = home.write("gateway.yaml", "gateway: {}");
    let judged = |holds_secret| home.judged(Owner::User, "gateway.yaml", holds_secret);
    assert!(judged(true).is_ok());
    set_mode(&path, 0o644);
    assert_eq!(fault(&judged(false)), Some(FileFault::Mode(0o644)));
    set_mode(&path, 0o646);
    let candidate = home.candidate(Owner::User, "gateway.yaml");
    let opened = open(&candidate).ok().flatten().expect("it exists");
    let for_change = |holds_settings| judge_for_change(&candidate, &opened, holds_settings);
    assert!(for_change(false).is_ok());
    assert_eq!(fault(&for_change(true)), Some(FileFault::Mode(0o646)));
    fs::rename(&path, home.path("target")).expect("renamed");
    symlink("target", &path).expect("linked");
    assert_eq!(fault(&judged(false)), Some(FileFault::Mode(0o646)));
}

#[test]
fn own_link_is_judged_by_its_target_and_the_directories_of_both() {
    let home = Home::new();
    let dotfiles = home.0.path().join("dotfiles");
    fs::create_dir(&dotfiles).expect("a directory");
    fs::write(dotfiles.join("file"), "gateway: {}").expect("written");
    // By way of another link, relative and in a directory that is a link.
    symlink(&dotfiles, home.0.path().join("linked")).expect("linked");
    symlink("file", dotfiles.join("second")).expect("linked");
    symlink("../linked/second", home.path("gateway.yaml")).expect("linked");
    let judged = || home.judged(Owner::User, "gateway.yaml", true);
    let fault = || fault(&judged());
    set_mode(&dotfiles.join("file"), 0o644);
    assert_eq!(fault(), Some(FileFault::Mode(0o644)));
    set_mode(&dotfiles.join("file"), 0o600);
    assert_eq!(fault(), None);
    for directory in [&dotfiles, &home.path("")] {
        set_mode(directory, 0o775);
        assert_eq!(fault(), Some(FileFault::DirectoryMode(0o775)));
        set_mode(directory, 0o755);
    }
    let opened = home.open(Owner::User, "gateway.yaml").ok().flatten();
    let target = opened.expect("it exists").target;
    assert_eq!(target.file_name(), Some("file".as_ref()));
    // Only root can give files away.
    if rustix::process::geteuid().is_root() {
        let path = home.path("gateway.yaml");
        let owner = Some(OTHER_USER);
        std::os::unix::fs::lchown(&path, owner, None).expect("given away");
        assert_eq!(fault(), Some(FileFault::LinkNotYours(OTHER_USER)));
        std::os::unix::fs::lchown(&path, Some(0), None).expect("given back");
        chown(&dotfiles, owner, None).expect("given away");
        assert_eq!(fault(), Some(FileFault::DirectoryNotYours(OTHER_USER)));
        chown(&dotfiles, Some(0), None).expect("given back");
        chown(dotfiles.join("file"), owner, None).expect("given away");
        assert_eq!(fault(), Some(FileFault::NotYours(OTHER_USER)));
    }
}

#[test]
fn target_of_a_link_need_not_exist_yet() {
    let home = Home::new();
    symlink("missing", home.path("gateway.yaml")).expect("linked");
    let candidate = Candidate::named(home.path("gateway.yaml"));
    assert!(open(&candidate).is_ok_and(|opened| opened.is_none()));
    let target = target_for_new_file(&candidate).ok();
    assert_eq!(target, Some(home.path("missing")));
}

#[test]
fn site_file_that_others_can_change_is_not_trusted() {
    let home = Home::new();
    let path = home.write("gateway.yaml", "gateway: {}");
    let untrusted = || {
        let opened = home.open(Owner::Site, "gateway.yaml").ok().flatten();
        let untrusted = opened.expect("it exists").untrusted().cloned();
        untrusted.map(|untrusted| (untrusted.path, untrusted.fault))
    };
    assert_eq!(untrusted(), None);
    // Only root can give files away.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let group = Some(OTHER_USER);
    set_mode(&path, 0o664);
    assert_eq!(untrusted(), None, "root's group");
    chown(&path, None, group).expect("given away");
    let expected = Some((path.clone(), AccessFault::WritableByOthers(0o664)));
    assert_eq!(untrusted(), expected);
    set_mode(&path, 0o644);
    assert_eq!(untrusted(), None);
    let directory = home.0.path().join("dask");
    chown(&directory, None, group).expect("given away");
    set_mode(&directory, 0o775);
    let expected = Some((directory, AccessFault::WritableByOthers(0o775)));
    assert_eq!(untrusted(), expected);
    chown(&path, Some(OTHER_USER), None).expect("given away");
    let expected = Some((path, AccessFault::NotOwned(OTHER_USER)));
    assert_eq!(untrusted(), expected);
}

#[test]
fn site_link_is_judged_by_its_target() {
    let home = Home::new();
    let target = home.0.path().join("target");
    fs::create_dir(&target).expect("a directory");
    fs::write(target.join("file"), "gateway: {}").expect("written");
    set_mode(&target.join("file"), 0o644);
    symlink(target.join("file"), home.path("gateway.yaml")).expect("linked");
    let judged = |holds_secret| fault(&home.judged(Owner::Site, "gateway.yaml", holds_secret));
    assert_eq!(judged(false), None);
    assert!(matches!(
        judged(true),
        Some(FileFault::SecretForAll { mode: 0o644, .. })
    ));
    set_mode(&target, 0o777);
    assert_eq!(
        judged(false),
        Some(FileFault::DirectoryWritableForAll(0o777))
    );
    // Of a file that is no link, only its own directory counts.
    home.write("plain.yaml", "gateway: {}");
    assert_eq!(fault(&home.judged(Owner::Site, "plain.yaml", true)), None);
}

#[test]
fn directory_for_a_new_file_is_judged_by_its_mode() {
    let home = Home::new();
    let candidate = Candidate::named(home.path("new.yaml"));
    let fault = || fault(&target_for_new_file(&candidate).map(drop));
    assert_eq!(fault(), None);
    set_mode(&home.path(""), 0o775);
    assert_eq!(fault(), Some(FileFault::DirectoryMode(0o775)));
}
