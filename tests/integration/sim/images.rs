//! Images: what is stored, and the calls about it. Pulls ask `registry.rs`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::clock::Stamp;
use super::engine::SimEngine;
use super::faults::glob;
use super::filters::{Filters, has_labels};
use super::latency::Op;
use super::random::{sha256_hex, short};
use super::request::{ApiError, Call, Outcome, Reply};
use super::world::{World, string_map};

pub(crate) use super::registry::{distribution, pull};

/// What an image is made of, to put it on the host or into the registry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ImageSpec {
    content: String,
    config: Value,
}

impl ImageSpec {
    /// An image with the command `/app`. Two images with the same content and configuration have
    /// the same id.
    pub(crate) fn new(content: &str) -> Self {
        let mut config = empty_config();
        set(&mut config, "Cmd", json!(["/app"]));
        Self { content: content.to_owned(), config }
    }

    /// An image with this configuration object.
    pub(crate) fn with_config(content: &str, config: Value) -> Self {
        Self { content: content.to_owned(), config }
    }

    /// Sets one key of `Config`, such as `Cmd`, `Healthcheck` or `WorkingDir`.
    pub(crate) fn set(mut self, key: &str, value: Value) -> Self {
        set(&mut self.config, key, value);
        self
    }

    /// An environment variable as `NAME=value`.
    pub(crate) fn env(mut self, pair: &str) -> Self {
        push(&mut self.config, "Env", json!(pair));
        self
    }

    /// A label.
    pub(crate) fn label(mut self, key: &str, value: &str) -> Self {
        member(&mut self.config, "Labels", key, json!(value));
        self
    }

    /// An anonymous volume at this path.
    pub(crate) fn volume(mut self, path: &str) -> Self {
        member(&mut self.config, "Volumes", path, json!({}));
        self
    }

    /// An exposed port such as `80/tcp`.
    pub(crate) fn expose(mut self, port: &str) -> Self {
        member(&mut self.config, "ExposedPorts", port, json!({}));
        self
    }

    /// Its id, `sha256:` and 64 digits.
    pub(crate) fn id(&self) -> String {
        let config = self.config.to_string();
        format!("sha256:{}", sha256_hex([self.content.as_bytes(), config.as_bytes()]))
    }

    /// The digest of its manifest in a registry.
    pub(crate) fn digest(&self) -> String {
        format!("sha256:{}", sha256_hex([b"manifest", self.id().as_bytes()]))
    }
}

/// A `Config` in which nothing is set.
pub(crate) fn empty_config() -> Value {
    json!({
        "Hostname": "", "Domainname": "", "User": "", "AttachStdin": false, "AttachStdout": false,
        "AttachStderr": false, "Tty": false, "OpenStdin": false, "StdinOnce": false, "Env": null,
        "Cmd": null, "Image": "", "Volumes": null, "WorkingDir": "", "Entrypoint": null,
        "OnBuild": null, "Labels": null,
    })
}

/// Sets a member of an object.
pub(crate) fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
}

/// Adds to a list inside an object.
pub(crate) fn push(object: &mut Value, key: &str, value: Value) {
    let list = object.get_mut(key).map(Value::take).filter(Value::is_array).unwrap_or(json!([]));
    let mut list = list;
    if let Some(items) = list.as_array_mut() {
        items.push(value);
    }
    set(object, key, list);
}

/// Adds a member to an object inside an object.
pub(crate) fn member(object: &mut Value, key: &str, name: &str, value: Value) {
    let inner = object.get_mut(key).map(Value::take).filter(Value::is_object).unwrap_or(json!({}));
    let mut inner = inner;
    set(&mut inner, name, value);
    set(object, key, inner);
}

/// A stored image.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    /// `sha256:` and 64 digits.
    pub(crate) id: String,
    /// `Config`
    pub(crate) config: Value,
    created: Stamp,
}

impl Image {
    fn labels(&self) -> BTreeMap<String, String> {
        string_map(self.config.get("Labels"))
    }
}

/// Stored images and their names.
#[derive(Debug, Default)]
pub(crate) struct Images {
    by_id: BTreeMap<String, Image>,
    tags: BTreeMap<String, String>,
    digests: BTreeMap<String, String>,
}

/// `docker.io/library/nginx` and `nginx` are both `nginx:latest`.
///
/// A digest counts alone: a tag beside it means nothing.
pub(crate) fn familiar(reference: &str) -> String {
    if let Some((_, digest)) = reference.split_once('@') {
        let name = repository(reference);
        let name = name.strip_prefix("docker.io/").unwrap_or(&name);
        return format!("{}@{digest}", name.strip_prefix("library/").unwrap_or(name));
    }
    let bare = reference.strip_prefix("docker.io/").unwrap_or(reference);
    let bare = bare.strip_prefix("library/").unwrap_or(bare);
    let last = bare.rsplit('/').next().unwrap_or(bare);
    if last.contains(':') || last.contains('@') {
        bare.to_owned()
    } else {
        format!("{bare}:latest")
    }
}

/// The name without tag or digest.
pub(crate) fn repository(reference: &str) -> String {
    let bare = reference.split('@').next().unwrap_or(reference);
    match bare.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name.to_owned(),
        _ => bare.to_owned(),
    }
}

impl Images {
    /// The image a reference means: id, beginning of an id, tag or digest.
    pub(crate) fn find(&self, reference: &str) -> Option<&Image> {
        let full = format!("sha256:{}", reference.strip_prefix("sha256:").unwrap_or(reference));
        if let Some(image) = self.by_id.get(&full) {
            return Some(image);
        }
        let name = familiar(reference);
        if let Some(id) = self.tags.get(&name).or_else(|| self.digests.get(&name)) {
            return self.by_id.get(id);
        }
        let digits = full.len() >= 11 && full.bytes().skip(7).all(|it| it.is_ascii_hexdigit());
        let mut prefixed = self.by_id.values().filter(|image| image.id.starts_with(&full));
        match (prefixed.next(), prefixed.next()) {
            (Some(image), None) if digits => Some(image),
            _ => None,
        }
    }

    /// Stores an image. Returns whether it is new.
    pub(crate) fn store(&mut self, spec: &ImageSpec, created: Stamp) -> bool {
        let image = Image { id: spec.id(), config: spec.config.clone(), created };
        let fresh = !self.by_id.contains_key(&image.id);
        self.by_id.entry(image.id.clone()).or_insert(image);
        fresh
    }

    /// Points a tag at an image; the image that had it before stays, nameless.
    pub(crate) fn tag(&mut self, reference: &str, id: &str) {
        self.tags.insert(familiar(reference), id.to_owned());
    }

    /// Remembers under which digest of the registry an image came.
    pub(crate) fn remember_digest(&mut self, name: &str, spec: &ImageSpec) {
        self.digests.insert(format!("{}@{}", repository(name), spec.digest()), spec.id());
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.by_id.len()
    }

    fn names<'a>(map: &'a BTreeMap<String, String>, id: &str) -> Vec<&'a str> {
        map.iter().filter(|(_, image)| *image == id).map(|(name, _)| name.as_str()).collect()
    }

    fn delete(&mut self, id: &str) {
        self.by_id.remove(id);
        self.tags.retain(|_, image| image != id);
        self.digests.retain(|_, image| image != id);
    }
}

impl World {
    /// Tells of something that happened to an image.
    pub(crate) fn image_event(&mut self, action: &str, id: &str, name: &str) {
        let attributes = BTreeMap::from([("name".to_owned(), name.to_owned())]);
        self.event("image", action, id, attributes);
    }

    /// Removes a tag, or an image with all its tags.
    ///
    /// # Errors
    /// 404; 409 if containers use it.
    pub(crate) fn remove_image(
        &mut self,
        reference: &str,
        force: bool,
    ) -> Result<Vec<Value>, ApiError> {
        let Some(image) = self.images.find(reference) else {
            return Err(ApiError::new(404, format!("No such image: {}", familiar(reference))));
        };
        let id = image.id.clone();
        let digits = id.strip_prefix("sha256:").unwrap_or(&id).to_owned();
        let tags: BTreeSet<String> =
            Images::names(&self.images.tags, &id).into_iter().map(str::to_owned).collect();
        let by_tag = tags.contains(&familiar(reference));
        let last = !by_tag || tags.len() == 1;
        let user = self.containers.values().find(|it| it.image == id && (last || !by_tag));
        if let Some(user) = user {
            let (user, running) = (short(&user.id), user.phase.is_running());
            let image = short(&digits);
            if by_tag && !force {
                let text = format!(
                    "conflict: unable to remove repository reference \"{reference}\" (must force) - container {user} is using its referenced image {image}"
                );
                return Err(ApiError::new(409, text));
            }
            if !by_tag && (running || !force) {
                let how = if running { "cannot be forced" } else { "must be forced" };
                let what = if running { "running" } else { "stopped" };
                let text = format!(
                    "conflict: unable to delete {image} ({how}) - image is being used by {what} container {user}"
                );
                return Err(ApiError::new(409, text));
            }
        }
        if !by_tag && tags.len() > 1 && !force {
            let image = short(&digits);
            let text = format!(
                "conflict: unable to delete {image} (must be forced) - image is referenced in multiple repositories"
            );
            return Err(ApiError::new(409, text));
        }
        let kept = self.containers.values().any(|it| it.image == id);
        Ok(self.take_names(
            &id,
            if by_tag { [familiar(reference)].into() } else { tags },
            last && !kept,
        ))
    }

    fn take_names(&mut self, id: &str, tags: BTreeSet<String>, delete: bool) -> Vec<Value> {
        let mut done = Vec::new();
        for tag in tags {
            self.images.tags.remove(&tag);
            self.image_event("untag", id, id);
            done.push(json!({"Untagged": tag}));
        }
        if delete {
            for digest in Images::names(&self.images.digests, id) {
                done.push(json!({"Untagged": digest}));
            }
            self.images.delete(id);
            self.image_event("delete", id, id);
            done.push(json!({"Deleted": id}));
        }
        done
    }
}

/// `GET /images/json`
pub(crate) async fn list(engine: &SimEngine, call: &Call) -> Outcome {
    const KEYS: [&str; 5] = ["before", "dangling", "label", "reference", "since"];
    let filters = Filters::parse(call.param("filters"), &KEYS)?;
    engine.latency(Op::List).await;
    let found: Vec<Value> = engine.with(|world| {
        let images = &world.images;
        let all = images.by_id.values().filter(|image| {
            let tags = Images::names(&images.tags, &image.id);
            filters.all(|key, values| match key {
                "dangling" => {
                    values.iter().any(|it| matches!(it.as_str(), "1" | "true") == tags.is_empty())
                }
                "label" => has_labels(&image.labels(), values),
                "reference" => values.iter().any(|value| {
                    tags.iter().any(|tag| glob(value, tag) || glob(value, &repository(tag)))
                }),
                _ => true,
            })
        });
        all.map(|image| {
            let tags = Images::names(&images.tags, &image.id);
            let digests = Images::names(&images.digests, &image.id);
            let none = tags.is_empty() && digests.is_empty();
            json!({
                "Containers": -1,
                "Created": image.created.seconds(),
                "Id": image.id,
                "Labels": image.config.get("Labels"),
                "ParentId": "",
                "RepoDigests": if none { vec!["<none>@<none>"] } else { digests },
                "RepoTags": if none { vec!["<none>:<none>"] } else { tags },
                "SharedSize": -1,
                "Size": 1_000_000,
                "VirtualSize": 1_000_000,
            })
        })
        .collect()
    });
    Ok(Reply::json(200, &found))
}

/// `GET /images/{name}/json`
pub(crate) async fn inspect(engine: &SimEngine, reference: &str) -> Outcome {
    engine.latency(Op::Inspect).await;
    let found = engine.with(|world| {
        let images = &world.images;
        let image = images.find(reference).ok_or_else(|| {
            let name = familiar(reference);
            let text = format!("no such image: {reference}: No such image: {name}");
            ApiError::new(404, text)
        })?;
        let digits = image.id.strip_prefix("sha256:").unwrap_or("");
        Ok(json!({
            "Id": image.id,
            "RepoTags": Images::names(&images.tags, &image.id),
            "RepoDigests": Images::names(&images.digests, &image.id),
            "Parent": "",
            "Comment": "",
            "Created": image.created.rfc3339(),
            "Container": "",
            "ContainerConfig": empty_config(),
            "DockerVersion": "20.10.24",
            "Author": "",
            "Config": image.config,
            "Architecture": "amd64",
            "Os": "linux",
            "Size": 1_000_000,
            "VirtualSize": 1_000_000,
            "GraphDriver": {"Data": null, "Name": "overlay2"},
            "RootFS": {"Type": "layers", "Layers": [format!("sha256:{digits}")]},
            "Metadata": {"LastTagTime": image.created.rfc3339()},
        }))
    })?;
    Ok(Reply::json(200, &found))
}

/// `POST /images/{name}/tag`
pub(crate) fn tag(engine: &SimEngine, call: &Call, reference: &str) -> Outcome {
    engine.with(|world| {
        let image = world.images.find(reference).map(|image| image.id.clone());
        let id = image
            .ok_or_else(|| ApiError::new(404, format!("No such image: {}", familiar(reference))))?;
        let tag = call.param("tag");
        let repo = call.param("repo");
        let name = if tag.is_empty() { repo.to_owned() } else { format!("{repo}:{tag}") };
        world.images.tag(&name, &id);
        world.image_event("tag", &id, &familiar(&name));
        Ok(Reply::empty(201))
    })
}

/// `DELETE /images/{name}`
pub(crate) async fn remove(engine: &SimEngine, call: &Call, reference: &str) -> Outcome {
    engine.latency(Op::Other).await;
    let done = engine.with(|world| world.remove_image(reference, call.flag("force")))?;
    Ok(Reply::json(200, &done))
}
