//! Small inputs that stand for large ones, made by code. `budgets.rs` loads them; `scripts/hostile` measures them.

use std::fmt::Write as _;

/// What the loader must make of a bomb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// An error with this code.
    Refused(&'static str),
    /// A project.
    Accepted,
}

/// One bomb: a project directory.
#[derive(Clone, Debug)]
pub(crate) struct Bomb {
    /// Its name, also that of its directory.
    pub(crate) name: &'static str,
    /// Files by name.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// What must come of it.
    pub(crate) verdict: Verdict,
}

const SERVICE: &str = "services:\n  a:\n    image: x\n";

fn bomb(name: &'static str, verdict: Verdict, files: &[(&str, String)]) -> Bomb {
    let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.clone().into_bytes()));
    Bomb { name, files: files.collect(), verdict }
}

fn refused(name: &'static str, code: &'static str, text: String) -> Bomb {
    bomb(name, Verdict::Refused(code), &[("compose.yaml", text)])
}

fn accepted(name: &'static str, text: String) -> Bomb {
    bomb(name, Verdict::Accepted, &[("compose.yaml", text)])
}

fn with_dotenv(name: &'static str, verdict: Verdict, text: String, dotenv: String) -> Bomb {
    bomb(name, verdict, &[("compose.yaml", text), (".env", dotenv)])
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

/// Every bomb.
pub(crate) fn bombs() -> Vec<Bomb> {
    let mut all = aliases();
    all.extend(shapes());
    all.extend(copies());
    all.extend(variables());
    all.extend(values());
    all.extend(texts());
    all.extend(findings());
    all
}

fn aliases() -> Vec<Bomb> {
    let mut laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for name in 'b'..='j' {
        let before = char::from_u32(u32::from(name) - 1).unwrap();
        let list = vec![format!("*{before}"); 9].join(", ");
        writeln!(laughs, "{name}: &{name} [{list}]").unwrap();
    }
    let list = vec!["x"; 5000].join(",");
    let quadratic = format!("x-a: &a [{list}]\nx-b: [{}]\n{SERVICE}", vec!["*a"; 5000].join(","));
    let long = "y".repeat(100_000);
    let string = format!("x-a: &a \"{long}\"\nx-b: [{}]\n{SERVICE}", vec!["*a"; 50_000].join(","));
    let merges = format!(
        "x-base: &base {{{}}}\n{SERVICE}    environment:\n      <<: [{}]\n",
        (0..300).map(|at| format!("K{at}: v")).collect::<Vec<_>>().join(", "),
        vec!["*base"; 3000].join(", ")
    );
    let chain = format!(
        "x-0: &a0 {{k: v}}\n{}{SERVICE}",
        lines(2000, |at| format!("x-{n}: &a{n} {{<<: *a{at}, k{at}: v}}\n", n = at + 1))
    );
    let nested = "&a ".to_owned() + &"[&b ".repeat(40);
    vec![
        refused("billion-laughs", "too-large", laughs),
        refused("quadratic-aliases", "too-large", quadratic),
        refused("long-string-aliased", "too-large", string),
        refused("merge-keys", "too-large", merges),
        refused("merge-chain", "too-deep", chain),
        refused("alias-cycle", "alias-cycle", format!("x-a: &a [*a]\n{SERVICE}")),
        refused("nested-anchors", "yaml-syntax", nested),
    ]
}

fn shapes() -> Vec<Bomb> {
    let services =
        |count| format!("services:\n{}", lines(count, |at| format!("  s{at}: {{image: x}}\n")));
    let key = "k".repeat(1 << 19);
    vec![
        refused("deep-brackets", "yaml-syntax", "[".repeat(100_000)),
        refused("deep-braces", "yaml-syntax", "{a: ".repeat(100_000)),
        refused(
            "deep-indentation",
            "too-deep",
            lines(1000, |level| format!("{}a:\n", " ".repeat(level))),
        ),
        refused("many-services", "too-large", services(50_000)),
        refused("more-services-than-may-be", "too-large", services(20_000)),
        accepted("services-at-the-limit", services(4_400)),
        refused(
            "long-key",
            "long-key",
            format!("{SERVICE}    environment:\n      ? {key}\n      : v\n"),
        ),
        refused(
            "long-key-above-many",
            "long-key",
            format!("{SERVICE}x-a:\n  ? {key}\n  : [{}]\n", vec!["x"; 90_000].join(",")),
        ),
        refused("long-key-unknown", "long-key", format!("{SERVICE}    ? x-{key}\n    : v\n")),
        refused("many-documents", "too-large", "---\n".repeat(250_000)),
        refused(
            "many-keys",
            "too-large",
            format!("{SERVICE}x-a: {{{}}}\n", lines(90_000, |at| format!("k{at},"))),
        ),
        accepted(
            "long-scalar",
            format!("{SERVICE}    labels: {{a: \"{}\"}}\n", "x".repeat(1_000_000)),
        ),
        accepted("one-long-comment", format!("{SERVICE}#{}\n", "x".repeat(1_000_000))),
        accepted("empty-lines", format!("{SERVICE}{}", "\n".repeat(1_000_000))),
        refused("larger-than-a-file", "file-too-large", " ".repeat((1 << 20) + 1)),
    ]
}

fn include_chain() -> Vec<(String, String)> {
    let file = |at: usize| {
        let name = if at == 0 { "compose.yaml".to_owned() } else { format!("f{at}.yaml") };
        (name, format!("include: [f{}.yaml]\nservices: {{s{at}: {{image: x}}}}\n", at + 1))
    };
    (0..40).map(file).collect()
}

fn copies() -> Vec<Bomb> {
    let environment =
        |count| format!("    environment:\n{}", lines(count, |at| format!("      K{at}: v\n")));
    let wide = format!("services:\n  base:\n    image: x\n{}", environment(20_000));
    let extends = wide.clone() + &lines(20_000, |at| format!("  s{at}: {{extends: base}}\n"));
    let chain = wide
        + &lines(30, |at| {
            let base = if at == 0 { "base".to_owned() } else { format!("s{}", at - 1) };
            format!("  s{at}: {{extends: {base}}}\n")
        });
    let circle = "services:\n  a: {extends: b}\n  b: {extends: a}\n".to_owned();
    let far =
        |other: &str| format!("services:\n  a:\n    extends: {{file: {other}, service: a}}\n");
    let include = |other: &str| format!("include: [{other}]\n{SERVICE}");
    let many = include_chain();
    let many: Vec<(&str, String)> =
        many.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    let large = format!("{SERVICE}x-a: [{}]\n", vec!["x"; 90_000].join(","));
    let twice = format!("include: [{}]\nservices: {{}}\n", vec!["other.yaml"; 90].join(", "));
    let env_files = format!(
        "services:\n{}",
        lines(5000, |at| format!("  s{at}: {{image: x, env_file: big.env}}\n"))
    );
    let env_list = format!("{SERVICE}    env_file: [{}]\n", vec!["big.env"; 50_000].join(", "));
    let labels = format!(
        "services:\n{}",
        lines(5000, |at| format!("  s{at}: {{image: x, label_file: big.env}}\n"))
    );
    let big = lines(60_000, |at| format!("K{at}=v\n"));
    vec![
        refused("extends-a-wide-base", "too-large", extends),
        refused("extends-chain", "too-large", chain),
        refused("extends-cycle", "extends-cycle", circle),
        bomb(
            "extends-cycle-of-files",
            Verdict::Refused("extends-cycle"),
            &[("compose.yaml", far("other.yaml")), ("other.yaml", far("compose.yaml"))],
        ),
        bomb(
            "include-cycle",
            Verdict::Refused("include-cycle"),
            &[("compose.yaml", include("other.yaml")), ("other.yaml", include("compose.yaml"))],
        ),
        bomb("include-chain", Verdict::Refused("include"), &many),
        bomb(
            "includes-of-one-large-file",
            Verdict::Refused("too-large"),
            &[("compose.yaml", twice), ("other.yaml", large)],
        ),
        bomb(
            "one-env-file-for-all",
            Verdict::Refused("too-large"),
            &[("compose.yaml", env_files), ("big.env", big.clone())],
        ),
        bomb(
            "one-env-file-often",
            Verdict::Accepted,
            &[("compose.yaml", env_list), ("big.env", big.clone())],
        ),
        bomb(
            "one-label-file-for-all",
            Verdict::Refused("too-large"),
            &[("compose.yaml", labels), ("big.env", big)],
        ),
    ]
}

fn variables() -> Vec<Bomb> {
    let value = |text: &str| format!("{SERVICE}    hostname: '{text}'\n");
    let nesting = format!("{}x{}", "${A:-".repeat(5000), "}".repeat(5000));
    let doubled =
        "A0=0123456789abcdef\n".to_owned() + &lines(40, |at| format!("A{}=$A{at}$A{at}\n", at + 1));
    let copied = "A0=0123456789abcdef\n".to_owned()
        + &lines(15, |at| format!("A{}=$A{at}$A{at}\n", at + 1))
        + &lines(50_000, |at| format!("B{at}=$A15\n"));
    let big = format!("BIG={}\n", "y".repeat(1_000_000));
    let asked = format!("BIG={}\nC={}\n", "y".repeat(500_000), "${BIG:+}".repeat(60_000));
    let itself = "A=$A$A\nA=${A}${A}x\n".repeat(10_000);
    let often = "other.yaml:".repeat(80_000);
    let env_often = format!("COMPOSE_ENV_FILES={}\n", "other.env,".repeat(90_000));
    let uses = format!(
        "{SERVICE}    environment:\n{}",
        lines(20_000, |at| format!("      A{at}: ${{BIG}}\n"))
    );
    vec![
        refused("interpolation-nesting", "interpolation", value(&nesting)),
        refused("interpolation-unclosed", "interpolation", value(&"${A:-".repeat(100_000))),
        accepted("dollars", value(&"$".repeat(900_000))),
        accepted(
            "unset-variables",
            format!("{SERVICE}    command: [{}]\n", lines(90_000, |_| "$U,".to_owned())),
        ),
        with_dotenv("dotenv-doubling", Verdict::Refused("env-file"), SERVICE.into(), doubled),
        with_dotenv("dotenv-copies", Verdict::Refused("env-file"), SERVICE.into(), copied),
        with_dotenv("dotenv-asks-often", Verdict::Accepted, SERVICE.into(), asked),
        with_dotenv("dotenv-of-itself", Verdict::Refused("env-file"), SERVICE.into(), itself),
        with_dotenv(
            "value-asked-often",
            Verdict::Accepted,
            value(&"${BIG:+}".repeat(120_000)),
            big.clone(),
        ),
        with_dotenv("value-in-many-places", Verdict::Refused("interpolation"), uses, big),
        bomb(
            "compose-file-often",
            Verdict::Refused("too-many-files"),
            &[
                ("compose.yaml", SERVICE.into()),
                ("other.yaml", format!("{SERVICE}#{}\n", "x".repeat(1_000_000))),
                (".env", format!("COMPOSE_FILE={often}\n")),
            ],
        ),
        bomb(
            "env-files-often",
            Verdict::Refused("too-many-files"),
            &[
                ("compose.yaml", SERVICE.into()),
                ("other.env", lines(50_000, |at| format!("K{at}=v\n"))),
                (".env", env_often),
            ],
        ),
    ]
}

fn values() -> Vec<Bomb> {
    let attribute = |text: &str| format!("{SERVICE}    {text}\n");
    let ports = format!("ports: [{}]", vec!["1-65535"; 2000].join(", "));
    let expose = format!("expose: [{}]", vec!["1-65535"; 2000].join(", "));
    let words = format!("command: \"{}\"", "a ".repeat(500_000));
    let some_words = format!("command: \"{}\"", "a ".repeat(145_000));
    let quotes = format!("command: \"{}\"", "'' ".repeat(300_000));
    let depends = format!(
        "services:\n{}",
        lines(300, |at| {
            let all: Vec<String> =
                (0..300).filter(|other| *other > at).map(|other| format!("s{other}")).collect();
            format!("  s{at}: {{image: x, depends_on: [{}]}}\n", all.join(","))
        })
    );
    let volumes = format!("volumes: [{}]", lines(20_000, |at| format!("'./a{at}:/b{at}',")));
    vec![
        refused("port-ranges", "too-large", attribute(&ports)),
        accepted("exposed-ranges", attribute(&expose)),
        refused("one-range-of-all-ports", "too-large", attribute("ports: [\"1-65535:1-65535\"]")),
        accepted("ports-at-the-limit", attribute("ports: [\"10000-24500:10000-24500/udp\"]")),
        refused("huge-scale", "replicas", attribute("scale: 2000000000")),
        refused(
            "huge-replicas",
            "wrong-kind",
            attribute("deploy: {replicas: 99999999999999999999}"),
        ),
        refused("huge-duration", "wrong-kind", attribute("stop_grace_period: 99999999999999999h")),
        refused("huge-memory", "wrong-kind", attribute("mem_limit: 99999999999999999999t")),
        refused("many-words", "too-large", attribute(&words)),
        refused("many-empty-words", "too-large", attribute(&quotes)),
        accepted("words-at-the-limit", attribute(&some_words)),
        accepted("dense-dependencies", depends),
        accepted("many-mounts", attribute(&volumes)),
    ]
}

fn texts() -> Vec<Bomb> {
    let mut all = vec![
        refused("nul", "not-text", format!("{SERVICE}\0")),
        bomb(
            "byte-order-mark",
            Verdict::Accepted,
            &[("compose.yaml", format!("\u{feff}{SERVICE}"))],
        ),
        accepted("crlf", SERVICE.replace('\n', "\r\n")),
        refused(
            "escape-in-a-key",
            "unknown-key",
            format!("{SERVICE}    \"\\e[2J\\e]0;x\\a\": 1\n"),
        ),
        refused(
            "escape-in-a-name",
            "service-name",
            "services:\n  \"a\\e[31m\": {image: x}\n".to_owned(),
        ),
        refused("raw-escape", "yaml-syntax", format!("{SERVICE}    \u{1b}[31mred: 1\n")),
        refused("turned-text", "unknown-key", format!("{SERVICE}    \"\u{202e}egami\": x\n")),
        refused("look-alike", "unknown-key", format!("{SERVICE}    рorts: [80]\n")),
        refused("zero-width", "unknown-key", format!("{SERVICE}    \"ima\u{200b}ge\": x\n")),
    ];
    let mut invalid = SERVICE.as_bytes().to_vec();
    invalid.extend_from_slice(b"    hostname: \xff\xfe\n");
    let wide: Vec<u8> = SERVICE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, bytes) in
        [("invalid-utf-8", invalid), ("utf-16", [b"\xff\xfe".to_vec(), wide].concat())]
    {
        let files = vec![("compose.yaml".to_owned(), bytes)];
        all.push(Bomb { name, files, verdict: Verdict::Refused("not-text") });
    }
    all
}

fn findings() -> Vec<Bomb> {
    let key = "k".repeat(10_000);
    vec![
        refused(
            "unknown-keys",
            "too-large",
            format!("{SERVICE}{}", lines(60_000, |at| format!("    z{at}: 1\n"))),
        ),
        refused(
            "long-unknown-keys",
            "long-key",
            format!("{SERVICE}{}", lines(100, |at| format!("    ? {key}{at}\n    : 1\n"))),
        ),
        refused(
            "wrong-values-on-one-line",
            "wrong-kind",
            format!("services: {{a: {{image: x, ports: [{}]}}}}\n", vec!["x"; 90_000].join(",")),
        ),
        refused(
            "unset-then-wrong",
            "unknown-key",
            format!("{SERVICE}    command: [{}]\n    zz: 1\n", lines(300, |at| format!("$U{at},"))),
        ),
        refused(
            "unknown-tags",
            "wrong-kind",
            format!("{SERVICE}    ports: [{}]\n", vec!["!t []"; 50_000].join(",")),
        ),
    ]
}
