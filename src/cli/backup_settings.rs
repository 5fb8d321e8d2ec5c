//! `backups` of the settings file: where backups lie. No manifest can say it: who may change a manifest must not choose
//! which files of this host are written.

use std::path::{Path, PathBuf};

use serde_yaml::Value;

/// Reads `backups`. A relative path is that of `directory`.
///
/// # Errors
/// A key is not known, or the path is none.
pub(super) fn parse(value: &Value, directory: &Path) -> Result<PathBuf, String> {
    let known = "expected a mapping such as {directory: /srv/backups}";
    let mapping = value.as_mapping().ok_or_else(|| format!("backups: {known}"))?;
    if let Some(key) = mapping.keys().find(|key| key.as_str() != Some("directory")) {
        let key = key.as_str().unwrap_or_default().escape_debug();
        return Err(format!("unknown setting `backups.{key}`; {known}"));
    }
    let path = mapping.get("directory").and_then(Value::as_str).filter(|path| !path.is_empty());
    path.map(|path| directory.join(path)).ok_or_else(|| format!("backups.directory: {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PathBuf, String> {
        parse(&serde_yaml::from_str(text).unwrap(), Path::new("/etc"))
    }

    #[test]
    fn one_directory_and_nothing_else() {
        assert_eq!(read("directory: b"), Ok(PathBuf::from("/etc/b")));
        assert_eq!(read("directory: /srv/b"), Ok(PathBuf::from("/srv/b")));
        for wrong in ["directory: ''", "dir: /srv/b", "[]", "directory: 3"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
