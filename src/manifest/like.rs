//! `x-composelet.job.like`: a job takes from another service what it does not say itself.

use std::sync::Arc;

use crate::manifest::environment::child;
use crate::manifest::extension::KEY;
use crate::manifest::node::{Map, Node, Value};
use crate::manifest::report::{Finding, Report};
use crate::manifest::suggest;
use crate::model::id::ProjectName;

/// Attributes that are taken whole.
const WHOLE: &[&str] = &["env_file", "user"];

/// Fills in the jobs of a project; what is written twice for one key is the job's own.
pub(crate) fn inherit(services: &mut Map, project: &ProjectName, report: &mut Report) {
    let mut found = Vec::new();
    for (name, entry) in services.iter() {
        let like = entry.node.at(&[KEY, "job", "like"]);
        let Some((like, text)) = like.and_then(|node| Some((node, node.as_text()?))) else {
            continue;
        };
        if let Some(model) = model(services, name, like, report) {
            found.push((Arc::clone(name), Arc::<str>::from(text), model.clone()));
        }
    }
    for (name, from, model) in found {
        if let Some(entry) = services.get_mut(&name) {
            fill(&mut entry.node, &model, &format!("{project}-{from}"));
        }
    }
}

/// The service that is taken from.
fn model<'a>(services: &'a Map, name: &str, like: &Node, report: &mut Report) -> Option<&'a Node> {
    let field = child("services", name);
    let path = format!("{field}.{KEY}.job.like");
    let text = like.as_text().unwrap_or_default();
    let shown = report.sources.shown(text, like.place).to_owned();
    let mut error = |message: String, help: String| {
        report.add(Finding::error("job-like", &path, message).at(like.place).help(help));
        None
    };
    if text == name {
        return error("a job cannot be like itself".to_owned(), "name another service".to_owned());
    }
    let Some(model) = services.get(text) else {
        let near = suggest::nearest(text, services.keys().map(|name| &**name));
        let help = match near {
            Some(near) => format!("did you mean {near}?"),
            None => "name a service of this project".to_owned(),
        };
        return error(format!("there is no service {shown}"), help);
    };
    if model.node.at(&[KEY, "job", "like"]).is_some() {
        let message = format!("{shown} is itself like another service");
        return error(message, "name the service that says it all".to_owned());
    }
    Some(&model.node)
}

fn fill(job: &mut Node, model: &Node, own_name: &str) {
    if job.get("image").is_none() && job.get("build").is_none() {
        let build = model.get("build").cloned();
        let image = model.get("image").cloned();
        // One image for both: that of the service, as it is named when it is built.
        let image = image.or_else(|| Some(Node::text(own_name, build.as_ref()?.place)));
        for (key, value) in
            [("image", image), ("build", build), ("pull_policy", model.get("pull_policy").cloned())]
        {
            if let (Some(value), None) = (value, job.get(key)) {
                job.set(key, value);
            }
        }
    }
    for key in WHOLE {
        take(job, model, key);
    }
    if job.get("networks").is_none() && job.get("network_mode").is_none() {
        take(job, model, "networks");
        take(job, model, "network_mode");
    }
    environment(job, model);
    volumes(job, model);
}

fn take(job: &mut Node, model: &Node, key: &str) {
    if let (None, Some(value)) = (job.get(key), model.get(key)) {
        job.set(key, value.clone());
    }
}

/// Variables one by one.
fn environment(job: &mut Node, model: &Node) {
    take(job, model, "environment");
    let inherited = model.get("environment").and_then(Node::as_map).cloned();
    let own = job.get_mut("environment").and_then(Node::as_map_mut);
    if let (Some(inherited), Some(own)) = (inherited, own) {
        for (name, entry) in inherited {
            own.entry(name).or_insert(entry);
        }
    }
}

/// Mounts by their target.
fn volumes(job: &mut Node, model: &Node) {
    take(job, model, "volumes");
    let inherited = model.get("volumes").and_then(Node::as_list).unwrap_or_default().to_vec();
    let Some(Value::List(own)) = job.get_mut("volumes").map(|node| &mut node.value) else {
        return;
    };
    for mount in inherited {
        let target = |node: &Node| node.get("target").and_then(Node::as_text).map(str::to_owned);
        if !own.iter().any(|one| target(one) == target(&mount)) {
            own.push(mount);
        }
    }
}
