//! The command line, asked once: its answers are kept below `target`, by its version and the content of the case.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use composelet::model::secret::sha256_hex;
use serde_json::{Value, json};

use crate::compose_oracle::case::Case;

/// The home directory of both sides.
pub(crate) const HOME: &str = "/home/oracle";

/// What the command line says about a case.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// It takes it: `config --format json`, and the sorted lines of `config --hash '*'`.
    Accepts { json: String, hashes: Vec<String> },
    /// It refuses; what it says.
    Refuses(String),
}

/// The program, and where answers are kept.
#[derive(Debug)]
pub(crate) struct Cli {
    program: String,
    version: String,
    /// Where cases are written and answers kept.
    root: PathBuf,
}

/// The program that the environment names, or the one that `scripts/oracle` installs.
pub(crate) fn program() -> String {
    let installed =
        concat!(env!("CARGO_MANIFEST_DIR"), "/target/oracle/cli-plugins/docker-compose");
    std::env::var("COMPOSELET_COMPOSE_CLI").unwrap_or_else(|_| installed.to_owned())
}

impl Cli {
    /// Finds the program and asks for its version, which must be 2.26.
    pub(crate) fn find() -> Self {
        let program = program();
        let output = Command::new(&program).args(["version", "--short"]).output();
        let output = output.unwrap_or_else(|error| {
            panic!("{program}: {error}; run scripts/oracle, or name it in COMPOSELET_COMPOSE_CLI")
        });
        let version = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        assert!(version.starts_with("2.26."), "{program} is {version}, the oracle is 2.26");
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oracle");
        Self { program, version, root }
    }

    /// Writes the case and says where.
    pub(crate) fn write(&self, case: &Case) -> PathBuf {
        case.write(&self.root)
    }

    /// The answer to a case that stands in `directory`.
    pub(crate) fn ask(&self, case: &Case, directory: &Path) -> Answer {
        let key = format!("{}\n{}\n{:?}", self.version, directory.display(), case.digest());
        let kept = self.root.join("answers").join(sha256_hex([key]));
        if let Some(answer) = fs::read_to_string(&kept).ok().and_then(|text| decode(&text)) {
            return answer;
        }
        let answer = self.run(case, directory);
        fs::create_dir_all(kept.parent().unwrap()).unwrap();
        fs::write(kept, encode(&answer)).unwrap();
        answer
    }

    fn run(&self, case: &Case, directory: &Path) -> Answer {
        let json = match self.config(case, directory, &["--format", "json"]) {
            Ok(json) => json,
            Err(complaint) => return Answer::Refuses(complaint),
        };
        match self.config(case, directory, &["--hash", "*"]) {
            Ok(lines) => {
                let mut hashes: Vec<String> = lines.lines().map(str::to_owned).collect();
                hashes.sort();
                Answer::Accepts { json, hashes }
            }
            Err(complaint) => Answer::Refuses(format!("--hash: {complaint}")),
        }
    }

    fn config(&self, case: &Case, directory: &Path, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new(&self.program)
            .arg("config")
            .args(arguments)
            .current_dir(directory)
            .env_clear()
            .envs(&environment(case))
            .output()
            .unwrap();
        if output.status.success() {
            return Ok(String::from_utf8(output.stdout).unwrap());
        }
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        // Warnings stand before it.
        let lines = complaint.lines().filter(|line| !line.contains("level=warning"));
        Err(lines.collect::<Vec<_>>().join(" "))
    }
}

/// The variables that both sides get.
pub(crate) fn environment(case: &Case) -> BTreeMap<String, String> {
    let mut all = case.environment.clone();
    all.insert("PATH".to_owned(), "/usr/bin:/bin".to_owned());
    all.insert("HOME".to_owned(), HOME.to_owned());
    all
}

fn encode(answer: &Answer) -> String {
    match answer {
        Answer::Accepts { json, hashes } => json!({"json": json, "hashes": hashes}).to_string(),
        Answer::Refuses(complaint) => json!({ "refuses": complaint }).to_string(),
    }
}

fn decode(text: &str) -> Option<Answer> {
    let value: Value = serde_json::from_str(text).ok()?;
    if let Some(complaint) = value["refuses"].as_str() {
        return Some(Answer::Refuses(complaint.to_owned()));
    }
    let hashes = value["hashes"].as_array()?.iter().filter_map(Value::as_str);
    let json = value["json"].as_str()?.to_owned();
    Some(Answer::Accepts { json, hashes: hashes.map(str::to_owned).collect() })
}
