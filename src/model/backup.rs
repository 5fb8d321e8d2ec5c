//! Backups as manifests declare them (`x-composelet.backup`), and what a file of one holds.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::backup_policy::BackupPolicy;
use crate::model::restore_drill::RestoreDrillPolicy;
use crate::model::secret::Secret;

/// What is backed up of a service or volume, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backup {
    /// How the data is read; `None` is found from image and mounts.
    pub recipe: Option<Recipe>,
    /// Which backups are kept.
    pub retention: Retention,
    /// Public keys of age (`age1…`) that it is encrypted for; empty is plain.
    pub recipients: Vec<String>,
    /// When that is done without a person, if it is; of a service only.
    pub policy: Option<BackupPolicy>,
    /// How a restore of it is checked, and when, if it is.
    pub drill: Option<BackupDrill>,
}

impl Backup {
    /// The command of the manifest that restores, if there is one.
    pub fn own_restore(&self) -> Option<&[Secret]> {
        match &self.recipe {
            Some(Recipe::Command { restore, .. }) => restore.as_deref(),
            _ => None,
        }
    }
}

/// How a backup proves itself once it is restored into a throw-away container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupDrill {
    /// Run inside; it has to end with 0. An argument vector; empty: the restore is all that is shown.
    pub check: Vec<Secret>,
    /// When that is done without a person, if it is.
    pub policy: Option<RestoreDrillPolicy>,
}

/// How data is read out of a container and put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// Left out of backups of the project.
    Nothing,
    /// Every database of a PostgreSQL server, and its roles.
    Postgres,
    /// Every database of a MySQL or MariaDB server.
    Mysql,
    /// All keys of a Redis or Valkey server.
    Redis,
    /// Every database of a MongoDB server.
    Mongo,
    /// One SQLite file.
    Sqlite {
        /// Its absolute path in the container.
        file: String,
    },
    /// Directories, as they lie there.
    Files {
        /// Their absolute paths in the container.
        paths: Vec<String>,
    },
    /// A command of the manifest.
    Command {
        /// Prints the data; an argument vector.
        dump: Vec<Secret>,
        /// Reads the data from standard input; without it the backup is not restored by composelet.
        restore: Option<Vec<Secret>>,
        /// Text that the last line of a whole dump begins with.
        ends_with: Option<String>,
    },
}

impl Recipe {
    /// What its output looks like.
    pub fn format(&self) -> Format {
        match self {
            Self::Postgres => Format::Postgres,
            Self::Mysql => Format::Mysql,
            Self::Redis => Format::Redis,
            Self::Mongo => Format::Mongo,
            Self::Sqlite { file } => Format::Sqlite { file: file.clone() },
            Self::Files { paths } => Format::Tar { paths: paths.clone() },
            Self::Command { ends_with, .. } => Format::Plain { ends_with: ends_with.clone() },
            Self::Nothing => Format::Plain { ends_with: None },
        }
    }
}

/// What a backup is made of, as the catalogue keeps it: enough to check it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// SQL of PostgreSQL.
    Postgres,
    /// SQL of MySQL or MariaDB.
    Mysql,
    /// A snapshot of Redis (RDB).
    Redis,
    /// An archive of MongoDB.
    Mongo,
    /// A database of SQLite.
    Sqlite {
        /// Its path in the container.
        file: String,
    },
    /// An archive of directories.
    Tar {
        /// Their paths in the container.
        paths: Vec<String>,
    },
    /// What a command of the manifest printed.
    Plain {
        /// Text that the last line of a whole one begins with.
        ends_with: Option<String>,
    },
}

impl Format {
    /// Ending of the file's name.
    pub fn extension(&self) -> &'static str {
        match self {
            Self::Postgres | Self::Mysql => "sql",
            Self::Redis => "rdb",
            Self::Mongo => "archive",
            Self::Sqlite { .. } => "sqlite3",
            Self::Tar { .. } => "tar",
            Self::Plain { .. } => "dump",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Redis => "redis",
            Self::Mongo => "mongodb",
            Self::Sqlite { .. } => "sqlite",
            Self::Tar { .. } => "files",
            Self::Plain { .. } => "command",
        })
    }
}

/// Which backups are kept: a backup that one of these numbers asks for stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The newest ones.
    pub last: u32,
    /// The newest of each of so many days (UTC) that have one.
    pub daily: u32,
    /// The newest of each of so many weeks from Monday on.
    pub weekly: u32,
    /// The newest of each of so many months.
    pub monthly: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { last: 3, daily: 7, weekly: 4, monthly: 6 }
    }
}

impl Retention {
    /// What two parts of a project ask for together: the larger number of each.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            last: self.last.max(other.last),
            daily: self.daily.max(other.daily),
            weekly: self.weekly.max(other.weekly),
            monthly: self.monthly.max(other.monthly),
        }
    }
}
