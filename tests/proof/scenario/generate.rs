//! A seed becomes a scenario, swarm style: each seed switches on some features and some kinds of fault.

use std::collections::BTreeMap;

use super::fields::FIELDS;
use super::model::{
    CallFault, CallFaultKind, Deed, EventFaultKind, Litter, LitterKind, Operation, Options,
    Scenario, Step, WriteFault,
};
use super::service::{App, Concurrency, Health, OnFailure, Order, Schedule, Service, Tag, Update};
use crate::sim::SplitMix64;

const NAMES: [&str; 10] = ["ada", "bob", "cat", "dan", "eve", "fay", "gus", "hal", "ivy", "joe"];
const SERVICES: [&str; 3] = ["web", "db", "job"];
/// Faults reach this far into the calls of a run.
const FAULTY_CALLS: u64 = 300;

/// Dice.
pub(crate) struct Dice(SplitMix64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SplitMix64::new(seed ^ 0x00c0_ffee))
    }

    /// A number from `low` to `high`.
    fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0.between(low, high)
    }

    fn index(&mut self, length: usize) -> usize {
        let most = u64::try_from(length.saturating_sub(1)).unwrap_or(0);
        usize::try_from(self.between(0, most)).unwrap_or(0)
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.index(all.len())]
    }

    /// True in `percent` of a hundred.
    fn chance(&mut self, percent: u64) -> bool {
        self.between(0, 99) < percent
    }

    /// A rate in millionths, log-uniform from 0.03 % to 30 %.
    fn rate(&mut self) -> u64 {
        let decade = self.between(0, 3_000);
        let exponent = f64::from(u32::try_from(decade).unwrap_or(0)) / 1_000.0;
        // 300 × 10^0..3 millionths.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "300 to 300000"
        )]
        let rate = (300.0 * 10_f64.powf(exponent)) as u64;
        rate
    }

    fn hits(&mut self, millionths: u64) -> bool {
        self.between(0, 999_999) < millionths
    }
}

/// The scenario of a seed.
pub(crate) fn generate(seed: u64) -> Scenario {
    let mut dice = Dice::new(seed);
    let mut scenario = Scenario { seed, ..Scenario::default() };
    // Mostly small and short: many small runs reach more than a few large ones in the same time.
    let count = if dice.chance(3) { 8 } else { [1, 1, 1, 1, 1, 1, 2, 3][dice.index(8)] };
    scenario.apps = (0..count).map(|number| app(&mut dice, number)).collect();
    let chaos_ms = 1_000 * if dice.chance(5) { dice.between(60, 200) } else { dice.between(8, 40) };
    let scheduled = has_schedule(&scenario.apps);
    // Until the first full minute, and over it.
    let chaos_ms = if scheduled { 1_000 * dice.between(30, 110) } else { chaos_ms };
    scenario.options = Options {
        chaos_ms,
        quiet_ms: quiet(&mut dice, &scenario.apps),
        latency: dice.chance(85),
        hints: dice.chance(70),
        lost_hints: if dice.chance(30) { dice.between(1, 3) } else { 0 },
        restart_ms: dice.of(&[10, 500, 3_000, 40_000]),
    };
    litter(&mut dice, &mut scenario);
    operations(&mut dice, &mut scenario);
    call_faults(&mut dice, &mut scenario);
    event_faults(&mut dice, &mut scenario);
    write_faults(&mut dice, &mut scenario);
    if !strikes_early(&scenario) {
        let call = dice.between(5, 14);
        scenario.call_faults.push(CallFault { call, kind: dice.of(&CallFaultKind::ALL) });
    }
    scenario
}

/// How long nothing may change in the end: one full look at everything without an event (30 s and a tenth) lies within it,
/// one due time of a schedule, and now and then twenty of the former.
fn quiet(dice: &mut Dice, apps: &[App]) -> u64 {
    match has_schedule(apps) {
        _ if dice.chance(2) => 600_000,
        true => 85_000,
        false => 40_000,
    }
}

fn has_schedule(apps: &[App]) -> bool {
    apps.iter().flat_map(|app| &app.services).any(|service| service.schedule.is_some())
}

/// Whether a fault comes so early that even the shortest run meets it.
fn strikes_early(scenario: &Scenario) -> bool {
    scenario.call_faults.iter().any(|fault| fault.call < 15)
        || scenario.event_faults.keys().any(|number| *number < 4)
}

fn app(dice: &mut Dice, number: usize) -> App {
    let count = dice.of(&[1, 1, 1, 2, 2, 3]);
    let mut app = App { name: NAMES[number % NAMES.len()].to_owned(), ..App::default() };
    for index in 0..count {
        let service = service(dice, (number, index));
        app.services.push(service);
    }
    if dice.chance(10) {
        let service = scheduled(dice, "cron");
        app.services.push(service);
    }
    app
}

fn service(dice: &mut Dice, (app, index): (usize, usize)) -> Service {
    let image = match dice.between(0, 19) {
        0..=9 => Tag::Plain,
        10 => Tag::Stubborn,
        11 => Tag::Late,
        12 => dice.of(&[Tag::Flaps, Tag::Ill]),
        13 => Tag::Shaky,
        14 => Tag::Hungry,
        15 => Tag::Reluctant,
        16 => dice.of(&[Tag::Broken, Tag::NoEntry]),
        _ => Tag::Moving,
    };
    let number = u16::try_from(app * SERVICES.len() + index).unwrap_or(0);
    let port = dice.chance(25).then_some(8_000 + number);
    let volume = dice.chance(20);
    let alone = port.is_some() || volume;
    let checked = matches!(image, Tag::Late | Tag::Flaps | Tag::Ill) || dice.chance(20);
    Service {
        name: SERVICES[index].to_owned(),
        image,
        replicas: if alone { 1 } else { [1, 1, 1, 1, 2, 2, 3][dice.index(7)] },
        fields: fields(dice),
        port,
        volume,
        edge: dice.chance(20),
        health: checked.then(|| Health { interval: dice.of(&[2, 5, 30]), retries: 3 }),
        after: if index > 0 && dice.chance(50) {
            vec![SERVICES[index - 1].to_owned()]
        } else {
            Vec::new()
        },
        update: dice.chance(35).then(|| update(dice)),
        schedule: None,
    }
}

fn update(dice: &mut Dice) -> Update {
    Update {
        parallelism: dice.of(&[1, 1, 2, 0]),
        order: dice.of(&[None, None, Some(Order::StartFirst), Some(Order::StopFirst)]),
        monitor: dice.of(&[2, 5, 10]),
        on_failure: dice.of(&[
            OnFailure::Rollback,
            OnFailure::Rollback,
            OnFailure::Pause,
            OnFailure::Continue,
        ]),
    }
}

/// What runs every minute.
fn scheduled(dice: &mut Dice, name: &str) -> Service {
    Service {
        name: name.to_owned(),
        image: dice.of(&[Tag::Quick, Tag::Quick, Tag::Slow]),
        replicas: 1,
        schedule: Some(Schedule {
            concurrency: dice.of(&[Concurrency::Forbid, Concurrency::Allow, Concurrency::Replace]),
            deadline: dice.chance(30).then(|| dice.of(&[5, 20, 50])),
        }),
        ..Service::default()
    }
}

fn fields(dice: &mut Dice) -> BTreeMap<String, usize> {
    let mut fields = BTreeMap::new();
    for field in FIELDS {
        if dice.chance(12) {
            fields.insert(field.name.to_owned(), dice.index(field.values.len()));
        }
    }
    fields
}

fn litter(dice: &mut Dice, scenario: &mut Scenario) {
    if !dice.chance(40) {
        return;
    }
    scenario.features.push("litter".to_owned());
    for _ in 0..dice.between(1, 4) {
        let app = &scenario.apps[dice.index(scenario.apps.len())];
        let service = &app.services[dice.index(app.services.len())];
        let kind = dice.of(&LitterKind::ALL);
        let (app, service) = (app.name.clone(), service.name.clone());
        scenario.litter.push(Litter { app, service, kind });
    }
}

/// Kinds of operations that a seed may switch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feature {
    Edits,
    Files,
    Names,
    Scale,
    Tags,
    Hands,
    Restarts,
    Second,
    Daemon,
    Host,
    Root,
    Wedges,
    Persons,
    Versions,
}

const FEATURES: [Feature; 14] = [
    Feature::Edits,
    Feature::Files,
    Feature::Names,
    Feature::Scale,
    Feature::Tags,
    Feature::Hands,
    Feature::Restarts,
    Feature::Second,
    Feature::Daemon,
    Feature::Host,
    Feature::Root,
    Feature::Wedges,
    Feature::Persons,
    Feature::Versions,
];

fn operations(dice: &mut Dice, scenario: &mut Scenario) {
    let on: Vec<Feature> = FEATURES.into_iter().filter(|_| dice.chance(30)).collect();
    if on.is_empty() {
        return;
    }
    scenario.features.extend(on.iter().map(|feature| format!("{feature:?}")));
    let burst = dice.chance(20);
    let count = dice.between(1, 8);
    let mut at_ms = dice.between(0, 6_000);
    let gap = scenario.options.chaos_ms / count.max(1);
    for number in 0..count {
        let operation = operation(dice, dice_feature(&on, number), scenario);
        scenario.steps.push(Step { at_ms, operation });
        at_ms += if burst && number % 5 != 0 {
            dice.between(0, 200)
        } else {
            dice.between(gap / 4, gap * 2)
        };
    }
    scenario.steps.retain(|step| step.at_ms < scenario.options.chaos_ms);
}

fn dice_feature(on: &[Feature], number: u64) -> Feature {
    let number = usize::try_from(number).unwrap_or(0);
    on[number % on.len()]
}

fn operation(dice: &mut Dice, feature: Feature, scenario: &Scenario) -> Operation {
    let number = dice.index(scenario.apps.len());
    let app = &scenario.apps[number];
    let name = app.name.clone();
    let index = dice.index(app.services.len());
    let service = app.services[index].name.clone();
    let for_ms = dice.of(&[200, 3_000, 12_000, 60_000]);
    let down_ms = dice.of(&[100, 2_000, 11_000, 50_000]);
    match feature {
        Feature::Edits => edit(dice, (name, service), (number, index)),
        Feature::Files => match dice.between(0, 3) {
            0 => Operation::Break { app: name },
            1 => Operation::Repair { app: name },
            2 => Operation::DropService { app: name, service },
            _ => Operation::Touch { app: name },
        },
        Feature::Names => match dice.between(0, 3) {
            0 => Operation::Remove { app: name },
            1 => Operation::Rename { app: name, to: dice.of(&NAMES[8..]).to_owned() },
            2 => Operation::Add { app: self::app(dice, dice_new(number)) },
            _ => Operation::Add { app: app.clone() },
        },
        Feature::Scale => {
            Operation::Scale { app: name, service, replicas: [0, 1, 2, 4][dice.index(4)] }
        }
        Feature::Tags => match dice.between(0, 3) {
            0 => Operation::PushBad { content: dice.between(0, 5) },
            1 => Operation::RegistryDown { for_ms },
            _ => Operation::MoveTag { content: dice.between(0, 5) },
        },
        Feature::Hands => Operation::Hand { container: dice.index(12), deed: dice.of(&Deed::ALL) },
        Feature::Restarts => match dice.between(0, 1) {
            0 => Operation::Restart { down_ms },
            _ => Operation::Kill { down_ms },
        },
        Feature::Second => match dice.between(0, 2) {
            0 => Operation::Kill { down_ms },
            _ => Operation::Second,
        },
        Feature::Daemon => match dice.between(0, 4) {
            0 => Operation::DaemonRestart { down_ms },
            1 => Operation::Freeze { for_ms },
            2 => Operation::Reboot { down_ms, seed: dice.between(0, 1_000) },
            _ => Operation::DaemonCrash { down_ms },
        },
        Feature::Host => match dice.between(0, 2) {
            0 => Operation::DiskFull { for_ms },
            1 => Operation::StateFull { for_ms },
            _ => Operation::TakePort {
                port: 8_000 + u16::try_from(dice.between(0, 8)).unwrap_or(0),
                for_ms,
            },
        },
        Feature::Root => match dice.between(0, 2) {
            0 => Operation::EmptyRoot { for_ms },
            1 => Operation::MissingRoot { for_ms },
            _ => Operation::UnreadableRoot { for_ms },
        },
        Feature::Wedges => match dice.between(0, 1) {
            0 => Operation::Wedge { container: dice.index(12), for_ms },
            _ => Operation::Undeletable { container: dice.index(12), for_ms },
        },
        Feature::Persons => match dice.between(0, 1) {
            0 => Operation::Suspend { app: name, for_ms },
            _ => Operation::Confirm,
        },
        Feature::Versions => version(dice, (name, service), (number, index)),
    }
}

fn version(dice: &mut Dice, (app, service): (String, String), place: (usize, usize)) -> Operation {
    match dice.between(0, 3) {
        0 | 1 => {
            let image = dice.of(&[Tag::Broken, Tag::NoEntry, Tag::Sick]);
            Operation::Worsen { app, service, image }
        }
        2 => Operation::Better { app, service },
        _ => edit(dice, (app, service), place),
    }
}

/// The number of the project that is made anew: that of the old one, so that ports stay apart.
fn dice_new(number: usize) -> usize {
    number
}

fn edit(dice: &mut Dice, (app, name): (String, String), place: (usize, usize)) -> Operation {
    if dice.chance(15) {
        let scheduled = name == "cron";
        let mut other = if scheduled { self::scheduled(dice, &name) } else { service(dice, place) };
        other.after.clear();
        return Operation::Replace { app, service: Service { name, ..other } };
    }
    let mut fields = BTreeMap::new();
    for _ in 0..dice.of(&[1, 1, 1, 2, 4]) {
        let field = &FIELDS[dice.index(FIELDS.len())];
        let value = dice.chance(70).then(|| dice.index(field.values.len()));
        fields.insert(field.name.to_owned(), value);
    }
    Operation::Edit { app, service: name, fields }
}

fn call_faults(dice: &mut Dice, scenario: &mut Scenario) {
    let mut rates = Vec::new();
    for kind in CallFaultKind::ALL {
        if dice.chance(20) {
            let rate = dice.rate();
            // What costs minutes or a restart each time is rarer, so that something happens in between.
            let costly = !matches!(
                kind,
                CallFaultKind::ErrorBefore
                    | CallFaultKind::ErrorAfter
                    | CallFaultKind::HangUpBefore
                    | CallFaultKind::HangUpAfter
                    | CallFaultKind::Truncated
                    | CallFaultKind::Garbage
            );
            let rate = if costly { rate.min(30_000) } else { rate };
            scenario.features.push(format!(
                "{kind:?} {}.{:03} %",
                rate / 10_000,
                rate / 10 % 1_000
            ));
            rates.push((kind, rate));
        }
    }
    for call in 4..FAULTY_CALLS {
        for (kind, rate) in &rates {
            if dice.hits(*rate) {
                scenario.call_faults.push(CallFault { call, kind: *kind });
                break;
            }
        }
    }
}

fn event_faults(dice: &mut Dice, scenario: &mut Scenario) {
    for (name, kind) in [
        ("events dropped", EventFaultKind::Drop),
        ("events twice", EventFaultKind::Duplicate),
        ("events cut", EventFaultKind::Cut),
    ] {
        if !dice.chance(20) {
            continue;
        }
        // Sometimes all of them.
        let rate =
            if dice.chance(10) && kind == EventFaultKind::Drop { 1_000_000 } else { dice.rate() };
        scenario.features.push(format!("{name} {} %", rate / 10_000));
        for number in 1..300 {
            if dice.hits(rate) {
                scenario.event_faults.insert(number, kind);
            }
        }
    }
}

fn write_faults(dice: &mut Dice, scenario: &mut Scenario) {
    if !dice.chance(25) {
        return;
    }
    scenario.features.push("crashes at writes".to_owned());
    for _ in 0..dice.between(1, 3) {
        let power = dice.chance(30).then(|| dice.between(0, 1_000));
        scenario.write_faults.push(WriteFault { step: dice.between(6, 260), power });
    }
}
