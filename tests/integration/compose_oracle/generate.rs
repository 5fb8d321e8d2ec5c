//! Files out of the schema: every attribute in every form, alone and with another value laid upon it.
//!
//! A unit is one attribute of one service (or one entry of a section). A file holds many units; when the two sides differ
//! it is split until the unit is found.

use std::collections::BTreeMap;

use composelet::manifest::{Key, Shape, shape};

use crate::compose_oracle::case::Case;
use crate::compose_oracle::samples::samples;

/// Units of one file.
pub(crate) const UNITS: usize = 12;
/// Wrong values; each is a file of its own, because one of them makes the whole file wrong.
const WRONG: [&str; 7] = ["5", "text", "true", "[x]", "{k: v}", "null", "\"\""];

/// How the second value of a unit reaches the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    /// By compose.override.yaml.
    Override,
    /// By a second document of the same file.
    Document,
    /// By `extends`.
    Extends,
}

/// One attribute, or several of one service.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// `services`, `networks`, `volumes`, `configs`, `secrets`.
    pub(crate) section: &'static str,
    /// Keys with their values; of the section's entry as a whole if the key is empty.
    pub(crate) base: Vec<(String, String)>,
    /// What is laid upon it.
    pub(crate) over: Vec<(String, String)>,
}

impl Unit {
    fn one(section: &'static str, key: &str, base: Option<&str>, over: Option<&str>) -> Self {
        let pair = |value: &str| (key.to_owned(), value.to_owned());
        Self {
            section,
            base: base.map(pair).into_iter().collect(),
            over: over.map(pair).into_iter().collect(),
        }
    }

    /// What it is about, for messages and patterns.
    pub(crate) fn name(&self) -> String {
        let show = |pairs: &[(String, String)]| {
            let pairs = pairs.iter().map(|(key, value)| format!("{key}: {value}"));
            pairs.collect::<Vec<_>>().join("; ")
        };
        format!("generated/{}/{} + {}", self.section, show(&self.base), show(&self.over))
    }
}

/// A file in the making.
#[derive(Clone, Debug)]
pub(crate) struct Pack {
    /// Its units.
    pub(crate) units: Vec<Unit>,
    /// How second values arrive.
    pub(crate) join: Join,
}

impl Pack {
    /// The file.
    pub(crate) fn case(&self) -> Case {
        let mut text = Text::default();
        for (number, unit) in self.units.iter().enumerate() {
            text.unit(number, unit, self.join);
        }
        let base = text.base();
        let over = text.over();
        let mut files: BTreeMap<String, String> = [
            (".env", "SET=val\n"),
            ("a.env", "A=1\nFROM_A=a\n"),
            ("b.env", "A=2\nFROM_B='b $A'\n"),
            ("c", "content\n"),
            ("d", "content\n"),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into();
        match self.join {
            Join::Document => {
                files.insert("compose.yaml".to_owned(), format!("{base}---\n{over}"));
            }
            Join::Override | Join::Extends => {
                files.insert("compose.yaml".to_owned(), base);
                files.insert("compose.override.yaml".to_owned(), over);
            }
        }
        let mut case = Case::new("generated".to_owned(), files);
        case.environment.insert("COMPOSE_PROFILES".to_owned(), "on".to_owned());
        case
    }
}

/// Lines by section, of the file and of what is laid upon it.
#[derive(Default)]
struct Text {
    base: BTreeMap<&'static str, String>,
    over: BTreeMap<&'static str, String>,
}

impl Text {
    fn unit(&mut self, number: usize, unit: &Unit, join: Join) {
        let filled = |value: &str| value.replace("@@", &number.to_string());
        if unit.section != "services" {
            let name = format!("r{number}");
            for (pairs, into) in [(&unit.base, &mut self.base), (&unit.over, &mut self.over)] {
                let lines = pairs.iter().map(|(_, value)| format!("  {name}: {}\n", filled(value)));
                into.entry(unit.section).or_default().extend(lines);
            }
            let mount = if unit.section == "volumes" { format!("{name}:/x") } else { name };
            let service =
                format!("  s{number}:\n    image: i\n    {}: [\"{mount}\"]\n", unit.section);
            self.base.entry("services").or_default().push_str(&service);
            return;
        }
        let lines = |pairs: &[(String, String)]| {
            let lines = pairs.iter().map(|(key, value)| format!("    {key}: {}\n", filled(value)));
            lines.collect::<String>()
        };
        let has = |key: &str| unit.base.iter().any(|(own, _)| own == key);
        let image = if has("image") { "" } else { "    image: i\n" };
        let base = format!("{image}{}", lines(&unit.base));
        let services = self.base.entry("services").or_default();
        if join == Join::Extends {
            let over = lines(&unit.over);
            let service =
                format!("  b{number}:\n{base}  s{number}:\n    extends: b{number}\n{over}");
            services.push_str(&service);
            return;
        }
        services.push_str("  s");
        services.push_str(&number.to_string());
        services.push_str(":\n");
        services.push_str(&base);
        if !unit.over.is_empty() {
            let over = format!("  s{number}:\n{}", lines(&unit.over));
            self.over.entry("services").or_default().push_str(&over);
        }
    }

    fn base(&mut self) -> String {
        let fixed = [
            ("services", "  dep: {image: i}\n  other: {image: i}\n"),
            ("networks", "  net: {}\n"),
            ("volumes", "  vol: {}\n"),
            ("configs", "  cfg: {file: ./c}\n"),
            ("secrets", "  sec: {file: ./c}\n"),
        ];
        for (section, lines) in fixed {
            self.base.entry(section).or_default().push_str(lines);
        }
        Self::text(&self.base)
    }

    fn over(&self) -> String {
        if self.over.is_empty() {
            return "services: {dep: {image: i}}\n".to_owned();
        }
        Self::text(&self.over)
    }

    fn text(sections: &BTreeMap<&'static str, String>) -> String {
        sections.iter().map(|(section, lines)| format!("{section}:\n{lines}")).collect()
    }
}

fn keys(shape: &Shape) -> &[Key] {
    match shape {
        Shape::Object(keys) => keys,
        Shape::Map(inner) | Shape::Form(inner) => keys(inner),
        _ => &[],
    }
}

/// Every attribute with its values.
fn attributes() -> Vec<(&'static str, &'static str, Vec<String>)> {
    let project = shape();
    let section = |name: &str| keys(&project).iter().find(|key| key.name == name).unwrap();
    let mut out = Vec::new();
    for key in keys(&section("services").shape) {
        let values = samples(&format!("services.{}", key.name), &key.shape);
        out.push(("services", key.name, values));
    }
    for name in ["networks", "volumes", "configs", "secrets"] {
        let Shape::Map(inner) = &section(name).shape else {
            panic!("{name} is a mapping");
        };
        out.push((name, "", samples(name, inner)));
    }
    out.retain(|(_, _, values)| !values.is_empty());
    out
}

/// Every attribute in every form, with every kind of merge.
pub(crate) fn units() -> Vec<Unit> {
    let mut out = Vec::new();
    for (section, key, values) in attributes() {
        let count = values.len();
        let value = |index: usize| values[index % count].as_str();
        for index in 0..count {
            out.push(Unit::one(section, key, Some(value(index)), None));
            for step in [0, 1, 3] {
                let (base, over) = (value(index), value(index + step));
                out.push(Unit::one(section, key, Some(base), Some(over)));
            }
        }
        if section == "services" {
            let replaced = format!("!override {}", value(1));
            out.push(Unit::one(section, key, None, Some(value(0))));
            out.push(Unit::one(section, key, Some(value(0)), Some(&replaced)));
            if !matches!(key, "image" | "build") {
                out.push(Unit::one(section, key, Some(value(0)), Some("!reset null")));
            }
            out.push(Unit::one(section, key, Some(value(0)), Some("null")));
        }
    }
    out
}

/// Every attribute with values that are wrong for most of them.
pub(crate) fn wrong() -> Vec<Pack> {
    let mut out = Vec::new();
    for (section, key, _) in attributes() {
        for value in WRONG {
            let units = vec![Unit::one(section, key, Some(value), None)];
            out.push(Pack { units, join: Join::Override });
        }
    }
    out
}

/// Services with several attributes at a time.
pub(crate) fn combined(random: &mut Random, units: &[Unit]) -> Pack {
    let services: Vec<&Unit> = units.iter().filter(|unit| unit.section == "services").collect();
    let one = |random: &mut Random| {
        let mut all = Unit { section: "services", base: Vec::new(), over: Vec::new() };
        for _ in 0..6 {
            let more = services[random.below(services.len())];
            let key = more.base.first().or(more.over.first()).map(|(key, _)| key.clone());
            if all.base.iter().chain(&all.over).any(|(known, _)| Some(known) == key.as_ref()) {
                continue;
            }
            all.base.extend(more.base.iter().cloned());
            all.over.extend(more.over.iter().cloned());
        }
        all
    };
    Pack { units: (0..4).map(|_| one(random)).collect(), join: join(random) }
}

/// One of the ways.
pub(crate) fn join(random: &mut Random) -> Join {
    [Join::Override, Join::Document, Join::Extends][random.below(3)]
}

/// Numbers from a seed (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    /// Another order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.below(index + 1));
        }
    }
}
