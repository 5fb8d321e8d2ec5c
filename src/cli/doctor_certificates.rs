//! Files with certificates that services are given: bound files and directories, configs and secrets.

use std::collections::{BTreeMap, BTreeSet};

use crate::doctor::{CertificateFile, Found, certificates_in};
use crate::model::config::{Mount, MountSource};
use crate::model::content::Seen;
use crate::model::desired::DesiredProject;
use crate::model::files::FileContent;
use crate::model::path::{LocalPath, PathMap};
use crate::source::read_path_within;

/// Largest file that is looked into, in bytes: a chain has a few thousand.
const MOST_BYTES: u64 = 1 << 18;
/// Entries of bound directories that are looked at, in one project.
const MOST_ENTRIES: usize = 2000;
/// Bound directories are looked into so deep: certbot has `live/NAME/fullchain.pem`.
const MOST_DEPTH: usize = 3;
const ENDINGS: &[&str] = &[".pem", ".crt", ".cer"];
/// Directories that have nothing to do with what is served: stores of authorities, and what certbot keeps of earlier times.
const STORES: &[&str] = &["/etc/ssl/certs", "/usr/share/ca-certificates", "/etc/pki"];
const OLD: &[&str] = &["archive", "csr", "keys"];

/// Files that were found, by path: each is told once.
#[derive(Debug)]
struct Search {
    files: BTreeMap<String, CertificateFile>,
    entries: usize,
}

/// The files of a project in which certificates are. Blocking.
pub(super) fn files_of(project: &DesiredProject, paths: &PathMap) -> Vec<CertificateFile> {
    let mut search = Search { files: BTreeMap::new(), entries: MOST_ENTRIES };
    for service in project.services.values() {
        let name = service.name.as_str();
        for file in service.files.values() {
            if let Seen::Kept(kept) = &file.seen {
                search.note(&file.origin, name, certificates_in(kept.bytes.expose()));
            }
        }
        for mount in service.config.mounts.values() {
            let MountSource::Bind { source, .. } = &mount.source else { continue };
            let path = source.display().to_string();
            if !STORES.iter().any(|store| path.starts_with(store)) {
                search.look(&paths.to_local(source), name, is_for_certificates(mount, &path));
            }
        }
    }
    distinct(search.files)
}

/// Whether a bound directory is looked into: one that is only read, or is named as if it held certificates.
fn is_for_certificates(mount: &Mount, path: &str) -> bool {
    let path = path.to_lowercase();
    mount.read_only || ["cert", "ssl", "tls", "acme"].iter().any(|word| path.contains(word))
}

impl Search {
    /// A bound path: a file whatever its name is, a directory if it may be looked into.
    fn look(&mut self, path: &LocalPath, service: &str, into: bool) {
        match read_path_within(path, MOST_BYTES) {
            FileContent::Bytes(bytes) => {
                self.note(&path.display().to_string(), service, certificates_in(&bytes));
            }
            FileContent::Directory(names) if into => self.walk((path, &names), service, MOST_DEPTH),
            FileContent::Unreadable(why) if is_named(path.file_name()) => {
                self.note(&path.display().to_string(), service, Some(Found::Unreadable(why)));
            }
            _ => {}
        }
    }

    fn walk(&mut self, (path, names): (&LocalPath, &[String]), service: &str, depth: usize) {
        for name in names {
            if self.entries == 0 || OLD.contains(&name.as_str()) {
                continue;
            }
            self.entries -= 1;
            let inner = path.join(name);
            if is_named(name) {
                self.look(&inner, service, false);
            } else if depth > 0
                && inner.as_path().is_dir()
                && let FileContent::Directory(names) = read_path_within(&inner, 0)
            {
                self.walk((&inner, &names), service, depth - 1);
            }
        }
    }

    fn note(&mut self, path: &str, service: &str, found: Option<Found>) {
        let Some(found) = found else { return };
        let file = self.files.entry(path.to_owned()).or_insert_with(|| CertificateFile {
            path: path.to_owned(),
            services: Vec::new(),
            found,
        });
        if !file.services.iter().any(|known| known == service) {
            file.services.push(service.to_owned());
        }
    }
}

/// Whether a file is named as one with a certificate. Private keys are not opened.
fn is_named(name: &str) -> bool {
    let name = name.to_lowercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending)) && !name.contains("key")
}

/// A certificate alone and in its chain is told once, for the same services.
fn distinct(files: BTreeMap<String, CertificateFile>) -> Vec<CertificateFile> {
    let mut known = BTreeSet::new();
    let mut all: Vec<CertificateFile> = files.into_values().collect();
    for file in &mut all {
        let services = file.services.clone();
        if let Found::Certificates(certificates) = &mut file.found {
            certificates.retain(|one| {
                let names = one.names.clone();
                known.insert((services.clone(), names, one.not_before, one.not_after))
            });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::fs;

    use base64::Engine as _;

    use super::*;

    /// What is found where this directory is bound, relative to it.
    fn found(root: &std::path::Path, into: bool) -> Vec<(String, Vec<String>)> {
        let mut search = Search { files: BTreeMap::new(), entries: MOST_ENTRIES };
        for service in ["web", "api", "web"] {
            search.look(&LocalPath::new(root), service, into);
        }
        let files = distinct(search.files)
            .into_iter()
            .filter(|file| !matches!(&file.found, Found::Certificates(all) if all.is_empty()));
        let name = |path: &str| path.rsplit_once("/bound/").map(|(_, rest)| rest.to_owned());
        files.map(|file| (name(&file.path).unwrap(), file.services)).collect()
    }

    #[test]
    fn certificates_are_found_where_certbot_puts_them_and_keys_are_not_opened() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("bound");
        let write = |name: &str, text: &str| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let pem = || {
            let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
            let body = base64::engine::general_purpose::STANDARD.encode(made.cert.der());
            format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
        };
        let live = pem();
        write("archive/a/fullchain1.pem", &pem());
        write("live/a/fullchain.pem", &live);
        write("live/a/cert.pem", &live);
        write("live/a/privkey.pem", &live);
        write("live/README", &live);
        write("broken.crt", "-----BEGIN CERTIFICATE-----");
        write("large.pem", &format!("{live}{}", " ".repeat(1 << 18)));
        let services = vec!["web".to_owned(), "api".to_owned()];
        let wanted = ["broken.crt", "live/a/cert.pem"];
        let wanted = wanted.map(|name| (name.to_owned(), services.clone()));
        assert_eq!(found(&root, true), wanted);
        assert_eq!(found(&root, false), [], "a directory of something else");
        let one = found(&root.join("live/README"), false);
        assert_eq!(one, [("live/README".to_owned(), services)], "a bound file whatever its name");
    }
}
