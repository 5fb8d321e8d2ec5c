//! The Compose file of a project.

use std::fmt::Write as _;

use super::fields::Field;
use super::service::{App, Concurrency, OnFailure, Order, Schedule, Service, Tag, Update};

/// A value that is secret: it must show nowhere.
pub(crate) const CANARY: &str = "canary-7f3a91d2";

/// The text of `compose.yaml`. `remark` changes a comment and nothing else.
pub(crate) fn manifest(app: &App, remark: u64) -> String {
    if app.broken {
        return format!("# {remark}\nservices:\n  web: [this is\n");
    }
    let mut text = format!("# {remark}\nservices:\n");
    for service in &app.services {
        write_service(&mut text, service);
    }
    if app.services.iter().any(|service| service.edge) {
        text.push_str("networks:\n  edge: {}\n");
    }
    if app.services.iter().any(|service| service.volume) {
        text.push_str("volumes:\n  data: {}\n");
    }
    text
}

fn write_service(text: &mut String, service: &Service) {
    let mut line = |what: std::fmt::Arguments<'_>| {
        // Writing to a string does not fail.
        writeln!(text, "{what}").ok();
    };
    line(format_args!("  {}:", service.name));
    line(format_args!("    image: {}", service.image.reference()));
    if service.image == Tag::Moving {
        line(format_args!("    pull_policy: every_1m"));
    }
    line(format_args!("    environment: {{TOKEN: {CANARY}}}"));
    match service.update {
        Some(update) => line(format_args!(
            "    deploy: {{replicas: {}, update_config: {{{}}}}}",
            service.replicas,
            update_config(update)
        )),
        None => line(format_args!("    deploy: {{replicas: {}}}", service.replicas)),
    }
    if let Some(schedule) = service.schedule {
        line(format_args!("    x-composelet: {{schedule: {{{}}}}}", times(schedule)));
    }
    for (name, value) in &service.fields {
        let value = Field::named(name).and_then(|field| field.values.get(*value));
        if let Some(value) = value {
            line(format_args!("    {name}: {value}"));
        }
    }
    if let Some(port) = service.port {
        line(format_args!("    ports: [\"{port}:80\"]"));
    }
    if service.volume {
        line(format_args!("    volumes: [data:/data]"));
    }
    if service.edge {
        line(format_args!("    networks: [default, edge]"));
    }
    if let Some(health) = service.health {
        line(format_args!(
            "    healthcheck: {{test: [CMD, check], interval: {}s, retries: {}}}",
            health.interval, health.retries
        ));
    }
    if !service.after.is_empty() {
        line(format_args!("    depends_on: [{}]", service.after.join(", ")));
    }
}

fn update_config(update: Update) -> String {
    let action = match update.on_failure {
        OnFailure::Rollback => "rollback",
        OnFailure::Pause => "pause",
        OnFailure::Continue => "continue",
    };
    let order = match update.order {
        Some(Order::StartFirst) => ", order: start-first",
        Some(Order::StopFirst) => ", order: stop-first",
        None => "",
    };
    let (parallelism, monitor) = (update.parallelism, update.monitor);
    format!("parallelism: {parallelism}, monitor: {monitor}s, failure_action: {action}{order}")
}

fn times(schedule: Schedule) -> String {
    let concurrency = match schedule.concurrency {
        Concurrency::Forbid => "forbid",
        Concurrency::Allow => "allow",
        Concurrency::Replace => "replace",
    };
    let deadline = schedule.deadline.map_or_else(String::new, |it| format!(", deadline: {it}s"));
    format!("cron: \"* * * * *\", concurrency: {concurrency}{deadline}")
}
