//! The profiles contain each other: what a stricter one admits, a looser one admits.

use composelet::model::id::ProjectName;
use composelet::model::rulebook::{Level, Rules};
use composelet::model::violation::Rule;
use composelet::policy::{Facts, Ground, Request, judge};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// Values of fields, harmless and hostile ones.
fn pool() -> Vec<(&'static str, Value)> {
    vec![
        ("Privileged", json!(true)),
        ("Privileged", json!(false)),
        ("NetworkMode", json!("host")),
        ("NetworkMode", json!("shop_default")),
        ("NetworkMode", json!("container:other")),
        ("PidMode", json!("host")),
        ("PidMode", json!("container:own")),
        ("IpcMode", json!("private")),
        ("IpcMode", json!("shareable")),
        ("UsernsMode", json!("host")),
        ("CgroupParent", json!("x")),
        ("CapAdd", json!(["CHOWN"])),
        ("CapAdd", json!(["NET_BIND_SERVICE"])),
        ("CapAdd", json!(["CAP_SYS_ADMIN", "chown"])),
        ("CapDrop", json!(["ALL"])),
        ("SecurityOpt", json!(["no-new-privileges:true"])),
        ("SecurityOpt", json!(["seccomp=unconfined"])),
        ("MaskedPaths", json!([])),
        ("Sysctls", json!({"net.ipv4.tcp_syncookies": "1"})),
        ("Sysctls", json!({"kernel.shmmax": "1"})),
        ("Devices", json!([{"PathOnHost": "/dev/a"}])),
        ("Binds", json!(["/root/desired/shop/data:/x:rw"])),
        ("Binds", json!(["/root/desired/shop/data:/x:ro", "v:/y:rw"])),
        ("Binds", json!(["/etc:/x:ro"])),
        ("Binds", json!(["/run:/x:ro"])),
        ("Binds", json!(["/root/state/content/shop/f:/x:ro"])),
        ("Mounts", json!([{"Type": "image", "Source": "i", "Target": "/x"}])),
        ("Mounts", json!([{"Type": "tmpfs", "Target": "/x"}])),
        ("Mounts", json!([{"Type": "npipe", "Source": "x", "Target": "/x"}])),
        ("Tmpfs", json!({"/run": "size=1m"})),
        ("Tmpfs", json!({"/run": "exec"})),
        ("PortBindings", json!({"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]})),
        ("PortBindings", json!({"80/tcp": [{"HostIp": "", "HostPort": "80"}]})),
        ("Runtime", json!("kata")),
        ("LogConfig", json!({"Type": "json-file", "Config": {"max-size": "1m"}})),
        ("LogConfig", json!({"Type": "syslog", "Config": {}})),
        ("OomScoreAdj", json!(-5)),
        ("OomScoreAdj", json!(5)),
        ("ExtraHosts", json!(["h:host-gateway"])),
        ("ExtraHosts", json!(["m:169.254.169.254"])),
        ("GroupAdd", json!(["0"])),
        ("GroupAdd", json!(["33"])),
        ("Whatever", json!({"Comes": "next"})),
    ]
}

fn body(chosen: &[(&'static str, Value)], user: Option<&str>) -> Value {
    let host: Map<String, Value> =
        chosen.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    json!({"Image": "app", "User": user, "HostConfig": host})
}

fn ground() -> Ground {
    let path = std::path::Path::new;
    Ground::new(path("/root/desired"), path("/root/state"), path("/root/state/content"), None)
}

/// The rules that refuse a body under a level.
fn rules_of(body: &Value, level: Level) -> Vec<Rule> {
    let facts =
        Facts { owners: [("own".to_owned(), "shop".to_owned())].into(), ..Facts::default() };
    let project = ProjectName::from("shop");
    let request = Request::Container { body, built: false };
    let whose = (&project, Some("/root/desired/shop"));
    let found = judge(&request, &Rules::of(level), whose, (&ground(), &facts));
    found.into_iter().map(|one| one.rule).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_a_stricter_profile_admits_a_looser_one_admits(
        chosen in vec(select(pool()), 0..6),
        user in select(vec![None, Some("1000"), Some("root"), Some("0:7")]),
    ) {
        let body = body(&chosen, user);
        let found = Level::ALL.map(|level| rules_of(&body, level));
        prop_assert!(found[0].is_empty(), "privileged refuses nothing: {:?}", found[0]);
        for rule in &found[1] {
            prop_assert!(found[2].contains(rule), "{rule} of baseline is none of restricted");
        }
    }
}

#[test]
fn each_profile_admits_something_that_the_next_one_refuses() {
    let hardened = [
        ("CapDrop", json!(["ALL"])),
        ("SecurityOpt", json!(["no-new-privileges:true"])),
        ("Binds", json!(["/root/state/content/shop/secret:/run/secrets/s:ro", "v:/y:rw"])),
    ];
    assert_eq!(rules_of(&body(&hardened, Some("1000")), Level::Restricted), []);
    let plain = [("Binds", json!(["/root/desired/shop/data:/x:rw"]))];
    assert_eq!(rules_of(&body(&plain, None), Level::Baseline), []);
    assert!(!rules_of(&body(&plain, None), Level::Restricted).is_empty());
    let hostile = [("Privileged", json!(true))];
    assert_eq!(rules_of(&body(&hostile, None), Level::Privileged), []);
    assert_eq!(rules_of(&body(&hostile, None), Level::Baseline), [Rule::Privileged]);
}

#[test]
fn a_volume_of_another_project_is_not_mounted() {
    use composelet::policy::SeenVolume;
    let body = json!({"Image": "app", "HostConfig": {"Binds": ["vault_data:/x:ro"]}});
    let project = ProjectName::from("shop");
    let volume = SeenVolume {
        driver: "local".to_owned(),
        project: Some("vault".to_owned()),
        ..SeenVolume::default()
    };
    let facts = Facts { volumes: [("vault_data".to_owned(), volume)].into(), ..Facts::default() };
    let request = Request::Container { body: &body, built: false };
    let found = judge(&request, &Rules::of(Level::Baseline), (&project, None), (&ground(), &facts));
    assert_eq!(found.iter().map(|one| one.rule).collect::<Vec<_>>(), [Rule::ForeignVolume]);
}
