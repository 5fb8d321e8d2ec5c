//! Plan cases as data: each folder of `tests/fixtures/plan` is a world with the plans that must come of it.
//!
//! `compose.yaml` is what is wanted, `before.yaml` (if there) what ran before, `world.yaml` what is different and what
//! happens, `plan.txt` the text of every pass. With `UPDATE_EXPECT=1` the text is written; look at the difference before
//! you commit it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::plan_world::run;

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plan");
    let entries = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    cases
}

fn files(case: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(case).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    entries.map(|path| (name(&path), std::fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn every_case_plans_as_expected() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let only = std::env::var("CASE").unwrap_or_default();
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in cases() {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        if !name.contains(&only) {
            continue;
        }
        count += 1;
        let files = files(&case);
        let got = std::panic::catch_unwind(|| run(&files));
        let Ok(got) = got else {
            wrong.push(format!("{name}: panicked, see above"));
            continue;
        };
        if update {
            std::fs::write(case.join("plan.txt"), &got).unwrap();
        } else if files.get("plan.txt") != Some(&got) {
            let expected = files.get("plan.txt").cloned().unwrap_or_default();
            wrong.push(format!("{name}\n--- expected\n{expected}--- got\n{got}"));
        }
    }
    assert!(count > 0, "no case named like {only}");
    assert!(wrong.is_empty(), "{} of {count} cases differ\n\n{}", wrong.len(), wrong.join("\n"));
}
