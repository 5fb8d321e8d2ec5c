//! The OpenAPI document: its routes are those of the router, and every answer that a test of the API gets is one of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use composelet::http::ROUTES;
use jsonschema::Validator;
use serde_json::{Value, json};

use super::bench::{Api, Reply};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../src/http/api/openapi.json")).unwrap()
});

/// By the name of the schema.
static SCHEMAS: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| {
    let names = DOCUMENT["components"]["schemas"].as_object().unwrap().keys();
    let each = names.map(|name| {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": format!("#/components/schemas/{name}"),
            "components": DOCUMENT["components"],
        });
        (name.clone(), jsonschema::validator_for(&schema).unwrap())
    });
    each.collect()
});

/// The path of the document that a path of a request is.
fn template(path: &str) -> Option<&'static str> {
    let path = path.split('?').next()?;
    let fits = |template: &&str| {
        let (mut known, mut asked) = (template.split('/'), path.split('/'));
        let same = known
            .by_ref()
            .zip(asked.by_ref())
            .all(|(known, asked)| known == asked || known.starts_with('{') && !asked.is_empty());
        same && template.split('/').count() == path.split('/').count()
    };
    ROUTES.iter().map(|(_, template)| *template).find(fits)
}

/// Fails if an answer to a request is not in the document.
pub(super) fn judge(request: &[u8], reply: &Reply) {
    let request = String::from_utf8_lossy(request);
    let mut words = request.split(' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return };
    // What came too late, or was too long to be looked at, was not understood as a request.
    if !request.contains(" HTTP/1.1\r\n") || reply.head.contains("content-length: 0") {
        return;
    }
    let Some(template) = template(path) else { return };
    let operations = DOCUMENT["paths"][template].as_object().unwrap();
    let operation = operations.get(&method.to_lowercase()).or(operations.values().next()).unwrap();
    let mut answer = &operation["responses"][reply.status.to_string()];
    if let Some(shared) = answer["$ref"].as_str() {
        answer = &DOCUMENT["components"]["responses"][shared.rsplit('/').next().unwrap()];
    }
    let shown = format!("{method} {path}: {reply:?}");
    assert!(answer.is_object(), "an answer that is not in the document: {shown}");
    for name in answer["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
        let name = name.to_lowercase();
        assert!(reply.head.contains(&format!("\r\n{name}: ")), "no {name}: {shown}");
    }
    if method == "HEAD" {
        return;
    }
    let (kind, content) = answer["content"].as_object().unwrap().iter().next().unwrap();
    assert!(reply.head.contains(&format!("content-type: {kind}")), "not {kind}: {shown}");
    if let Some(schema) = content["schema"]["$ref"].as_str() {
        let name = schema.rsplit('/').next().unwrap();
        let errors: Vec<String> =
            SCHEMAS[name].iter_errors(&reply.json()).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "no {name}: {errors:?}\n{shown}");
    }
}

#[test]
fn each_route_is_in_the_document_and_no_other() {
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    let documented = paths.flat_map(|(path, operations)| {
        let methods = operations.as_object().unwrap().keys();
        methods.map(move |method| (method.to_uppercase(), path.clone()))
    });
    let known = ROUTES.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned()));
    assert_eq!(documented.collect::<BTreeSet<_>>(), known.collect::<BTreeSet<_>>());
}

#[test]
fn schemas_name_everything_and_nothing_else() {
    let stop = &SCHEMAS["Stop"];
    assert!(stop.is_valid(&json!({"reason": "new disk", "service": "web"})));
    for wrong in [json!({}), json!({"reason": ""}), json!({"reason": "x", "to": 1}), json!([])] {
        assert!(!stop.is_valid(&wrong), "{wrong}");
    }
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        assert_eq!(schema["additionalProperties"], json!(false), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_document_is_served() {
    let api = Api::shop(9771).await;
    let reply = api.get("/api/v1/openapi.json").await;
    assert_eq!((reply.status, &reply.json()), (200, &*DOCUMENT));
}
