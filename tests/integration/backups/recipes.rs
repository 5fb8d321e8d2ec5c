//! Which recipe fits which service.

use std::collections::BTreeMap;

use composelet::model::backup::Recipe;
use composelet::model::secret::Secret;
use composelet::recipes::{dump, found, reads};

use crate::plan_world::project;

#[test]
fn servers_are_known_by_image_or_by_where_their_data_lies() {
    let text = "
services:
  a: {image: 'postgres:15'}
  b: {image: 'registry.example:5000/team/mariadb@sha256:0000000000000000000000000000000000000000000000000000000000000000'}
  c: {image: 'redis:7-alpine'}
  d: {image: 'own-db', volumes: ['data:/var/lib/mysql']}
  e: {image: 'prom/mysqld-exporter'}
  f: {image: 'oliver006/redis_exporter'}
  g: {image: 'watcher', volumes: ['data:/var/lib/mysql:ro']}
  h: {image: 'mongo-express'}
volumes: {data: {}}
";
    let project = project(text, &BTreeMap::new());
    let recipes: Vec<Option<Recipe>> = project.services.values().map(found).collect();
    let expected = [
        Some(Recipe::Postgres),
        Some(Recipe::Mysql),
        Some(Recipe::Redis),
        Some(Recipe::Mysql),
        None,
        None,
        None,
        None,
    ];
    assert_eq!(recipes, expected);
}

#[test]
fn a_project_is_its_servers_what_is_declared_and_volumes_that_nobody_covers() {
    let text = "
services:
  app:
    image: app
    volumes: ['uploads:/srv/uploads', 'logs:/logs', './code:/code', './media:/media']
    x-composelet: {backup: {recipe: files, paths: [/media]}}
  db: {image: 'mysql:8', volumes: ['db:/var/lib/mysql']}
  other: {image: app, volumes: ['uploads:/data']}
  cache: {image: 'redis:7', x-composelet: {backup: {recipe: none}}}
volumes:
  db: {}
  uploads: {}
  logs: {x-composelet: {backup: {recipe: none}}}
";
    let project = project(text, &BTreeMap::new());
    let read: Vec<String> = reads(&project)
        .iter()
        .map(|read| {
            let what = match &read.recipe {
                Recipe::Files { paths } => paths.join(" "),
                other => other.format().to_string(),
            };
            format!("{} {} {what}", read.service.name, read.volume.unwrap_or("-"))
        })
        .collect();
    assert_eq!(read, ["app - /media", "db - mysql", "app uploads /srv/uploads"]);
}

#[test]
fn a_word_without_a_recipe_means_everything_that_the_service_may_write() {
    let text = "
services:
  app:
    image: app
    volumes: ['uploads:/srv/uploads', './media:/media', './conf:/conf:ro']
    tmpfs: [/tmp]
    x-composelet: {backup: {}}
volumes: {uploads: {x-composelet: {backup: {recipe: none}}}}
";
    let project = project(text, &BTreeMap::new());
    let paths = vec!["/media".to_owned(), "/srv/uploads".to_owned()];
    let read = reads(&project);
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].recipe, Recipe::Files { paths });
}

#[test]
fn passwords_are_read_inside_and_are_no_argument() {
    for recipe in [Recipe::Postgres, Recipe::Mysql, Recipe::Redis, Recipe::Mongo] {
        let words = dump(&recipe).unwrap();
        let texts: Vec<&str> = words.iter().map(Secret::expose).collect();
        assert_eq!(texts[..2], ["sh", "-c"]);
        for option in ["--password=", "-p\"$", "-a \"$", "--pass "] {
            assert!(!texts[2].contains(option), "{option} in\n{}", texts[2]);
        }
    }
}
