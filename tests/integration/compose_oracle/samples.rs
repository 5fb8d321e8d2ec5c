//! Values for every place of the schema, as YAML on one line. `@@` stands for the number of the service.

use composelet::manifest::{Key, Shape};

/// Forms that the tables do not know, or values where not every text will do. A path is `services.` and the keys below a
/// service, or the section and the keys of its entries; `[]` is an entry of a list, `*` one of a mapping.
const SPECIAL: &[(&str, &[&str])] = &[
    ("services.image", &["busybox", "a/b:1", "\"r.example:5000/x@sha256:00\""]),
    ("services.container_name", &["n@@-a", "n@@-b"]),
    ("services.hostname", &["h", "h.x"]),
    ("services.profiles", &["[]", "[on]", "[on, off]"]),
    (
        "services.ports",
        &[
            "[\"80\"]",
            "[9000, \"8080:80\"]",
            "[\"53:53/udp\", \"53:53\"]",
            "[\"127.0.0.1:3000-3002:80-82\"]",
            "[{target: 80, published: \"8080\", mode: host, name: n, app_protocol: http}]",
            "[{target: 80, host_ip: 127.0.0.1, protocol: udp}]",
            "[\"[::1]:80:80\"]",
        ],
    ),
    (
        "services.volumes",
        &[
            "[/data]",
            "[\"vol:/data\", \"./x:/y:ro\"]",
            "[\"~/h:/y:rw,z\"]",
            "[{type: volume, source: vol, target: /data, read_only: true, volume: {nocopy: true}}]",
            "[{type: bind, source: ./b, target: /y, bind: {propagation: rslave, create_host_path: true}}]",
            "[{type: bind, source: ./b, target: /z, bind: {selinux: Z}, consistency: cached}]",
            "[{type: tmpfs, target: /t, tmpfs: {size: 64m, mode: 0700}}]",
            "[\"/abs:/data:rshared\"]",
        ],
    ),
    (
        "services.configs",
        &[
            "[cfg]",
            "[{source: cfg, target: /c}]",
            "[{source: cfg, target: /c, uid: \"1\", gid: \"2\", mode: 0440}]",
        ],
    ),
    (
        "services.secrets",
        &["[sec]", "[{source: sec, target: t}]", "[{source: sec, target: /s, mode: 0400}]"],
    ),
    (
        "services.devices",
        &[
            "[\"/dev/zero\"]",
            "[\"/dev/a:/dev/x:r\"]",
            "[{source: /dev/b, target: /dev/x, permissions: rw}]",
        ],
    ),
    (
        "services.depends_on",
        &[
            "[dep]",
            "[dep, other]",
            "{dep: {condition: service_started}}",
            "{dep: {condition: service_completed_successfully, restart: true}, other: {condition: service_started, required: false}}",
        ],
    ),
    (
        "services.env_file",
        &[
            "a.env",
            "[a.env, b.env]",
            "[{path: b.env, required: false}, {path: none.env, required: false}]",
        ],
    ),
    (
        "services.extra_hosts",
        &["[\"h=1.1.1.1\"]", "[\"h:2.2.2.2\", \"i=::1\"]", "{h: 3.3.3.3, j: [4.4.4.4, \"::2\"]}"],
    ),
    ("services.build.extra_hosts", &["[\"h=1.1.1.1\"]", "{h: 3.3.3.3}"]),
    ("services.build", &[".", "./ctx", "https://example.org/x.git"]),
    ("services.build.context", &["./c", "/abs/c"]),
    ("services.build.dockerfile", &["D", "/abs/D"]),
    ("services.build.dockerfile_inline", &[]),
    ("services.build.platforms", &["[linux/amd64]", "[linux/amd64, linux/arm64]"]),
    ("services.networks", &["[net]", "[default, net]", "{}"]),
    ("services.network_mode", &["host", "none", "\"container:x\""]),
    ("services.healthcheck.test", &["echo a", "[CMD, x, y]", "[CMD-SHELL, \"a || b\"]", "[NONE]"]),
    ("services.restart", &["\"no\"", "always", "on-failure", "\"on-failure:3\"", "unless-stopped"]),
    ("services.pull_policy", &["always", "never", "missing", "if_not_present", "build"]),
    ("services.ulimits.*", &["5", "{soft: 1, hard: 2}"]),
    ("services.build.ulimits.*", &["5", "{soft: 1, hard: 2}"]),
    ("services.dns", &["1.1.1.1", "[8.8.8.8, 1.1.1.1]"]),
    ("services.tmpfs", &["/t", "[/t, \"/u:size=1m\"]"]),
    ("services.expose", &["[\"80\", 81]", "[\"81\", \"90-92/udp\"]"]),
    (
        "services.develop",
        &[
            "{watch: [{path: ./a, action: rebuild}]}",
            "{watch: [{path: b, action: sync, target: /b, ignore: [x]}]}",
        ],
    ),
    ("services.cgroup", &["host", "private"]),
    ("services.oom_score_adj", &["5", "-5"]),
    ("services.mem_swappiness", &["60", "\"10\"", "0"]),
    ("services.scale", &["2", "0"]),
    ("services.deploy.replicas", &["2", "0"]),
    ("services.deploy.resources.limits.cpus", &["\"0.5\"", "\"1\""]),
    ("services.deploy.resources.reservations.cpus", &["\"0.5\"", "\"1\""]),
    ("services.deploy.resources.limits.memory", &["64m", "1g"]),
    ("services.deploy.resources.reservations.memory", &["64m", "1g"]),
    ("services.platform", &["linux/amd64"]),
    ("services.pid", &["host", "\"container:x\""]),
    ("services.ipc", &["host", "shareable"]),
    ("services.cap_add", &["[ALL]", "[NET_ADMIN, CHOWN]", "[CHOWN]"]),
    ("services.sysctls", &["{net.a: 1, net.b: x}", "[net.a=2]"]),
    ("services.cpus", &["0.5", "2", "\"1.5\""]),
    ("services.cpu_percent", &["50", "\"60\""]),
    ("services.blkio_config.weight", &["100", "200"]),
    ("services.annotations", &["{a: b}", "[a=c, d=e]"]),
    ("services.logging.options.*", &["x", "5", "null"]),
    ("services.links", &["[dep]", "[\"dep:alias\", other]"]),
    ("services.volumes_from", &["[dep]", "[\"dep:ro\", \"container:x\"]"]),
    ("services.external_links", &["[x]", "[\"y:z\"]"]),
    ("services.security_opt", &["[no-new-privileges]", "[\"label:disable\"]"]),
    ("services.credential_spec", &["{file: x.json}", "{registry: y}"]),
    ("services.gpus", &["all"]),
    ("services.mac_address", &["\"02:42:ac:11:00:02\""]),
    // 2.26 does not know them.
    ("services.label_file", &[]),
    ("services.extends", &[]),
    ("services.pull_refresh_after", &[]),
    ("services.models", &[]),
    ("services.provider", &[]),
    ("services.post_start", &[]),
    ("services.pre_stop", &[]),
    ("services.pre_start", &[]),
    ("services.use_api_socket", &[]),
    ("services.networks.*.interface_name", &[]),
    ("services.networks.*.gw_priority", &[]),
    ("networks.enable_ipv4", &[]),
    (
        "networks.ipam.config",
        &[
            "[{subnet: 10.1.0.0/16}]",
            "[{subnet: 10.1.0.0/16, gateway: 10.1.0.1, ip_range: 10.1.1.0/24, aux_addresses: {a: 10.1.0.9}}]",
        ],
    ),
    ("networks.external", &["false"]),
    ("volumes.external", &["false"]),
    ("configs.external", &[]),
    ("secrets.external", &[]),
    ("configs", &["{file: ./c}", "{file: ./d, labels: {a: b}}", "{file: ./c, name: named}"]),
    ("secrets", &["{file: ./c}", "{file: ./d, labels: [a=b]}"]),
];

/// Values for the place `path`, which has this shape.
pub(crate) fn samples(path: &str, shape: &Shape) -> Vec<String> {
    let special = SPECIAL.iter().find(|(known, _)| *known == path).map(|(_, values)| *values);
    let mut out: Vec<String> = special.unwrap_or(&[]).iter().map(ToString::to_string).collect();
    if special.is_none() || (path == "services.build" || path == "services.networks") {
        out.extend(generic(path, shape));
    }
    out
}

fn generic(path: &str, shape: &Shape) -> Vec<String> {
    let own = |list: &[&str]| list.iter().map(ToString::to_string).collect();
    match shape {
        Shape::Any => Vec::new(),
        Shape::Text => own(&["alpha", "\"b c\"", "\"1\"", "\"${SET}-$$x\""]),
        Shape::TextOrNumber => own(&["alpha", "5", "\"6\""]),
        Shape::Label => own(&["x", "5", "null"]),
        Shape::Bool => own(&["true", "false", "\"true\""]),
        Shape::Int => own(&["1", "7"]),
        Shape::Float => own(&["0.5", "2"]),
        Shape::Bytes => own(&["64m", "1048576", "\"1gb\""]),
        Shape::Duration => own(&["10s", "1m30s", "500ms"]),
        Shape::Mode => own(&["0440", "256"]),
        Shape::OneOf(words) => words.iter().map(ToString::to_string).collect(),
        Shape::Pairs => own(&["{A: 1, B: two}", "[A=3, C]", "{A: null, D: true}", "[A=]"]),
        Shape::Words => own(&["a 'b c'", "[c, \"d e\"]", "[]", "null"]),
        Shape::List(item) => list(&samples(&format!("{path}[]"), item)),
        Shape::OneOrMany(item) => {
            let mut items = samples(&format!("{path}[]"), item);
            items.truncate(3);
            let lists = list(&items);
            [items, lists].concat()
        }
        Shape::Map(item) => map(path, &samples(&format!("{path}.*"), item)),
        Shape::Object(keys) => object(path, keys),
        Shape::Form(long) => generic(path, long),
    }
}

fn list(items: &[String]) -> Vec<String> {
    let singles = items.iter().map(|item| format!("[{item}]"));
    let pairs = items.windows(2).map(|pair| format!("[{}]", pair.join(", ")));
    singles.chain(pairs).collect()
}

fn map(path: &str, items: &[String]) -> Vec<String> {
    let (first, second) = match path {
        "services.networks" => ("net", "default"),
        "services.depends_on" => ("dep", "other"),
        _ => ("one", "two"),
    };
    let singles = items.iter().map(|item| format!("{{{first}: {item}}}"));
    let pairs =
        items.windows(2).map(|pair| format!("{{{first}: {}, {second}: {}}}", pair[1], pair[0]));
    singles.chain(pairs).collect()
}

/// Each key with each of its values beside what is required, and all keys together.
fn object(path: &str, keys: &[Key]) -> Vec<String> {
    let of: Vec<(&Key, Vec<String>)> = keys
        .iter()
        .map(|key| (key, samples(&format!("{path}.{}", key.name), &key.shape)))
        .collect();
    let first = |values: &Vec<String>| values.first().cloned();
    let needed = |but: &str| {
        let needed = of.iter().filter(|(key, _)| key.required && key.name != but);
        needed
            .filter_map(|(key, values)| Some(format!("{}: {}", key.name, first(values)?)))
            .collect::<Vec<_>>()
    };
    let mut out = Vec::new();
    for (key, values) in &of {
        for value in values {
            let mut entries = needed(key.name);
            entries.push(format!("{}: {value}", key.name));
            out.push(format!("{{{}}}", entries.join(", ")));
        }
    }
    let all =
        of.iter().filter_map(|(key, values)| Some(format!("{}: {}", key.name, first(values)?)));
    out.push(format!("{{{}}}", all.collect::<Vec<_>>().join(", ")));
    out
}
