//! The checks of `doctor`: facts in, lines out; its page; the checklists that it answers.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use composelet::doctor::{
    BindWant, CHECKLISTS, CHECKS, CertificateFile, Disk, Found, HostSurvey, ImageWant, Inotify,
    Line, Listener, Outcome, PortWant, ProjectSurvey, RegistryAnswer, Survey, certificates_in,
    judge, weakness,
};
use composelet::model::engine_info::EngineInfo;
use composelet::model::time::Timestamp;

const GB: u64 = 1_000_000_000;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A host and a project with which all is well.
fn sound() -> Survey {
    let project = ProjectSurvey {
        name: "shop".to_owned(),
        ports: vec![PortWant {
            service: "web".to_owned(),
            ip: "127.0.0.1".to_owned(),
            port: 8000,
            ..PortWant::default()
        }],
        binds: vec![BindWant { path: "/srv/shop/data".to_owned(), ..BindWant::default() }],
        images: vec![ImageWant { present: true, ..ImageWant::default() }],
        memory_limits: (GB, 0),
        ready: Some(true),
        with_data: ["db".to_owned()].into(),
        backups: vec![("db".to_owned(), Some(3600))],
        ..ProjectSurvey::default()
    };
    Survey {
        engine: Some(EngineInfo {
            server_version: Some("20.10.24".to_owned()),
            mem_total: Some(8 * GB),
            ..EngineInfo::default()
        }),
        api_minor: 41,
        subnets: vec!["172.18.0.0/16".to_owned()],
        host: HostSurvey {
            is_here: true,
            disks: vec![Disk {
                path: "/var/lib/docker".to_owned(),
                free_bytes: 80 * GB,
                total_bytes: 100 * GB,
                free_inodes: 900,
                total_inodes: 1000,
            }],
            memory_available: Some(4 * GB),
            inotify: Some(Inotify { watches: 524_288, instances: 512 }),
            listeners: vec![Listener {
                port: 22,
                program: "sshd".to_owned(),
                unit: "ssh.service".to_owned(),
            }],
            clock_ahead_s: Some(0),
            clock_synchronised: Some(true),
            name_servers: vec!["192.0.2.1".to_owned()],
            firewall: Some("ufw".to_owned()),
        },
        projects: vec![project],
        ..Survey::default()
    }
}

/// The lines that are not well.
fn troubles(survey: &Survey) -> Vec<Line> {
    judge(survey).into_iter().filter(|line| line.outcome != Outcome::Pass).collect()
}

/// What one change of a sound survey brings: exactly one line of this check.
fn one(check: &str, outcome: Outcome, words: &str, change: impl FnOnce(&mut Survey)) {
    let mut survey = sound();
    change(&mut survey);
    let found = troubles(&survey);
    assert_eq!(found.len(), 1, "{check}: {found:#?}");
    assert_eq!((found[0].check, found[0].outcome), (check, outcome), "{found:?}");
    assert!(found[0].words.contains(words), "{found:?}");
    assert_eq!(found[0].mend.is_empty(), outcome == Outcome::NotCheckable, "{found:?}");
}

#[test]
fn a_sound_host_passes_every_check() {
    assert_eq!(troubles(&sound()), Vec::new());
    let said: BTreeSet<&str> = judge(&sound()).iter().map(|line| line.check).collect();
    assert_eq!(said, CHECKS.iter().map(|check| check.id).collect(), "every check says something");
}

#[test]
fn every_trouble_of_the_host_is_one_line() {
    one("engine", Outcome::Fail, "1.40", |survey| survey.api_minor = 40);
    one("engine-warnings", Outcome::Warn, "swap", |survey| {
        survey.engine.as_mut().unwrap().warnings =
            Some(vec!["WARNING: No swap limit support".to_owned()]);
    });
    one("address-pools", Outcome::Warn, "29 subnets", |survey| {
        survey.subnets = vec!["172.18.0.0/16".to_owned(); 29];
    });
    one("clock", Outcome::Fail, "-7200 s", |survey| survey.host.clock_ahead_s = Some(-7200));
    one("clock", Outcome::NotCheckable, "synchronised", |survey| {
        survey.host.clock_synchronised = None;
    });
    one("disk", Outcome::Fail, "MiB", |survey| survey.host.disks[0].free_bytes = GB / 2);
    one("disk", Outcome::Warn, "of", |survey| survey.host.disks[0].free_bytes = 9 * GB);
    one("inodes", Outcome::Warn, "50 of 1000", |survey| survey.host.disks[0].free_inodes = 50);
    one("memory", Outcome::Warn, "available", |survey| {
        survey.host.memory_available = Some(1 << 20);
    });
    one("memory", Outcome::Warn, "limits add up", |survey| {
        survey.projects[0].memory_limits.0 = 9 * GB;
    });
    one("inotify", Outcome::Warn, "8192", |survey| {
        survey.host.inotify = Some(Inotify { watches: 8192, instances: 128 });
    });
    one("dns", Outcome::Fail, "no name server", |survey| survey.host.name_servers.clear());
    one("registry", Outcome::Fail, "refused", |survey| {
        survey.registries = vec![RegistryAnswer {
            reference: "r:5000/a:1".to_owned(),
            error: "refused".to_owned(),
        }];
    });
}

#[test]
fn every_trouble_of_a_project_is_one_line() {
    let text = || vec!["compose.yml:3: it".to_owned()];
    one("manifests", Outcome::Fail, ":3:", |survey| survey.projects[0].errors = text());
    one("variables", Outcome::Fail, ":3:", |survey| survey.projects[0].unset = text());
    one("variables", Outcome::Warn, ":3:", |survey| survey.projects[0].unloaded = text());
    one("features", Outcome::Fail, ":3:", |survey| survey.projects[0].lacking = text());
    one("policy", Outcome::Fail, ":3:", |survey| survey.projects[0].refused = text());
    one("health-checks", Outcome::Warn, ":3:", |survey| survey.projects[0].weak_checks = text());
    one("logs", Outcome::Warn, ":3:", |survey| survey.projects[0].unrotated_logs = text());
    one("secrets", Outcome::Warn, ":3:", |survey| survey.projects[0].weak_secrets = text());
    one("readiness", Outcome::Fail, "not ready", |survey| survey.projects[0].ready = Some(false));
    one("readiness", Outcome::NotCheckable, "controller", |survey| survey.projects[0].ready = None);
    one("images", Outcome::Warn, "not here", |survey| survey.projects[0].images[0].present = false);
    one("paths", Outcome::Warn, "not there", |survey| survey.projects[0].binds[0].missing = true);
    one("paths", Outcome::Fail, "empty directory", |survey| {
        survey.projects[0].binds[0].became_directory = true;
    });
    one("ports", Outcome::Fail, "mysqld (mysql.service)", |survey| {
        survey.host.listeners.push(Listener {
            port: 8000,
            program: "mysqld".to_owned(),
            unit: "mysql.service".to_owned(),
        });
    });
    one("ports", Outcome::Fail, "container other-web-1", |survey| {
        survey.projects[0].ports[0].container = Some("other-web-1".to_owned());
    });
    one("exposure", Outcome::Warn, "whatever ufw says", |survey| {
        survey.projects[0].ports[0].ip = String::new();
    });
    one("backups", Outcome::Warn, "no backup of it is known", |survey| {
        survey.projects[0].backups.clear();
    });
    one("backups", Outcome::Fail, "no verified backup", |survey| {
        survey.projects[0].backups[0].1 = Some(9 * 86_400);
    });
}

/// A certificate that holds for these names in 2026, as PEM and as DER.
fn certificate(names: &[&str]) -> (String, Vec<u8>) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut wanted = rcgen::CertificateParams::new(names).unwrap();
    wanted.not_before = rcgen::date_time_ymd(2026, 1, 1);
    wanted.not_after = rcgen::date_time_ymd(2026, 12, 31);
    let made = wanted.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    let der = made.der().to_vec();
    let body = base64::engine::general_purpose::STANDARD.encode(&der);
    (format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"), der)
}

#[test]
fn a_certificate_is_judged_by_the_day() {
    let names = ["shop.test", "192.0.2.7", "a.test", "b.test"];
    let found = certificates_in(certificate(&names).0.as_bytes()).unwrap();
    let whose = "certs/shop.pem (of web, api): shop.test, 192.0.2.7, a.test and 1 more: ";
    for (now, outcome, words) in [
        ("2025-12-31T23:00:00Z", Outcome::Fail, "not valid before 2026-01-01T00:00:00.000Z"),
        ("2026-12-18T00:00:00Z", Outcome::Warn, "expires on 2026-12-31, in 13 days"),
        ("2026-12-30T23:00:00Z", Outcome::Warn, "expires on 2026-12-31, in 0 days"),
        ("2027-02-09T00:00:00Z", Outcome::Fail, "expired on 2026-12-31, 40 days ago"),
    ] {
        one("certificates", outcome, &format!("{whose}{words}"), |survey| {
            survey.now = Timestamp::parse_rfc3339(now).unwrap();
            survey.projects[0].certificates = vec![CertificateFile {
                path: "certs/shop.pem".to_owned(),
                services: vec!["web".to_owned(), "api".to_owned()],
                found: found.clone(),
            }];
        });
    }
    let mut survey = sound();
    survey.now = Timestamp::parse_rfc3339("2026-12-17T00:00:00Z").unwrap();
    survey.projects[0].certificates = vec![CertificateFile { found, ..CertificateFile::default() }];
    assert_eq!(troubles(&survey), Vec::new(), "two weeks are left");
    let mut with = |found: Found| {
        survey.projects[0].certificates =
            vec![CertificateFile { found, ..CertificateFile::default() }];
        troubles(&survey)[0].outcome
    };
    assert_eq!(with(Found::Broken("no".to_owned())), Outcome::Warn);
    assert_eq!(with(Found::Unreadable("no".to_owned())), Outcome::NotCheckable);
}

#[test]
fn what_a_file_holds_is_found_by_its_content() {
    let (pem, der) = certificate(&["shop.test"]);
    let count = |bytes: &[u8]| match certificates_in(bytes) {
        Some(Found::Certificates(all)) => Some(all.len()),
        Some(_) => Some(99),
        None => None,
    };
    let key = "-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----\n";
    assert_eq!(count(pem.as_bytes()), Some(1));
    assert_eq!(count(&der), Some(1), "DER");
    assert_eq!(count(format!("{key}Bag\n{pem}{}", pem.replace('\n', "\r\n")).as_bytes()), Some(2));
    assert_eq!(count(key.as_bytes()), None, "a key alone");
    assert_eq!(count(b"listen 443 ssl;\n"), None);
    assert_eq!(count(pem.repeat(11).as_bytes()), None, "a store of authorities");
    for broken in [&pem[..80], "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"] {
        assert!(matches!(certificates_in(broken.as_bytes()), Some(Found::Broken(_))), "{broken}");
    }
}

#[test]
fn our_own_container_on_a_port_is_no_trouble() {
    let mut survey = sound();
    survey.projects[0].ports[0].ours = true;
    survey.host.listeners.push(Listener {
        port: 8000,
        program: "docker-proxy".to_owned(),
        ..Listener::default()
    });
    assert_eq!(troubles(&survey), Vec::new());
}

#[test]
fn without_an_engine_the_rest_is_still_judged() {
    let survey = Survey { engine: None, engine_error: "no such file".to_owned(), ..sound() };
    let found = troubles(&survey);
    assert!(found.iter().any(|line| line.check == "engine" && line.outcome == Outcome::Fail));
    let rest = found.iter().filter(|line| line.check != "engine");
    assert!(rest.clone().all(|line| line.outcome == Outcome::NotCheckable), "{found:#?}");
}

#[test]
fn weak_secrets_are_told_without_their_value() {
    let weak = |name: &str, value: &str| weakness(name, value);
    assert_eq!(weak("DB_PASSWORD", "postgres"), Some("is a default that everybody knows"));
    assert_eq!(
        weak("SECRET_KEY", "django-insecure-9d8f7a6s5d4f3a2s1d0f9a8s7d"),
        Some("is a default that everybody knows")
    );
    assert_eq!(weak("SECRET_KEY", "k3J9x2Lq8Wm5Zr7T"), Some("is shorter than 32 characters"));
    assert_eq!(weak("REDIS_PASSWORD", "x9!kQ2"), Some("is shorter than 12 characters"));
    assert_eq!(weak("POSTGRES_PASSWORD", ""), Some("is empty"));
    assert_eq!(weak("POSTGRES_PASSWORD", "k3J9x2Lq8Wm5Zr7T"), None);
    assert_eq!(weak("POSTGRES_PASSWORD_FILE", "/run/secrets/x"), None);
    assert_eq!(weak("TOKEN_EXPIRE_MINUTES", "30"), None);
    assert_eq!(weak("DB_HOST", "db"), None);
}

#[test]
fn every_point_of_a_checklist_is_answered_or_says_why_not() {
    let known: BTreeSet<&str> = CHECKS.iter().map(|check| check.id).collect();
    assert_eq!(known.len(), CHECKS.len(), "a check stands twice");
    assert_eq!(CHECKLISTS.len(), 2);
    for (list, points) in CHECKLISTS {
        assert!(points.len() >= 12, "{list}");
        for point in *points {
            assert!(point.checks.iter().all(|id| known.contains(id)), "{}", point.asks);
            assert!(
                !point.checks.is_empty() || !point.note.is_empty(),
                "{} says not why",
                point.asks
            );
        }
    }
}

/// The tables of the page, as the source gives them.
fn tables() -> String {
    let mut text = "## Checks\n\n| check | asks that |\n|---|---|\n".to_owned();
    for check in CHECKS {
        writeln!(text, "| `{}` | {} |", check.id, check.asks).unwrap();
    }
    text.push_str("\n## Checklists, point by point\n");
    for (list, points) in CHECKLISTS {
        write!(text, "\n### {list}\n\n| point | answered by | remark |\n|---|---|---|\n").unwrap();
        for point in *points {
            let checks: Vec<String> = point.checks.iter().map(|id| format!("`{id}`")).collect();
            let by = if checks.is_empty() { "not checkable".to_owned() } else { checks.join(", ") };
            writeln!(text, "| {} | {by} | {} |", point.asks, point.note).unwrap();
        }
    }
    text
}

#[test]
fn the_page_shows_the_checks_and_the_checklists() {
    let path = root().join("docs/doctor.md");
    let there = fs::read_to_string(&path).unwrap();
    let start = there.find("## Checks\n").expect("there is a section with the checks");
    let wanted = format!("{}{}", &there[..start], tables());
    if std::env::var_os("COMPOSELET_WRITE_DOCS").is_some() {
        fs::write(&path, &wanted).unwrap();
        return;
    }
    assert!(
        there == wanted,
        "docs/doctor.md is not what the source says: run this test with COMPOSELET_WRITE_DOCS=1"
    );
}
