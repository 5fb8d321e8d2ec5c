//! All families, one after the other.

use std::collections::BTreeSet;

use crate::manifest::lint::listing::Listing;
use crate::manifest::lint::service::{Service, services};
use crate::manifest::lint::{
    Facts, argv, autoheal, environment, health, images, limits, mounts, order, ports, restart,
    unused,
};
use crate::manifest::node::Node;
use crate::manifest::normalise::{Context, Normal};
use crate::manifest::report::{Finding, Report};
use crate::manifest::source::{Place, Sources};
use crate::model::files::Entry;

/// The project that is looked at.
#[derive(Debug)]
pub(super) struct Project<'a> {
    /// The tree in normal form.
    pub(super) tree: &'a Node,
    /// What is known of the whole model.
    pub(super) facts: &'a Facts,
    /// Its enabled services.
    pub(super) services: Vec<Service<'a>>,
    /// What its directories hold.
    pub(super) listing: Listing<'a>,
}

/// Where the lints put what they find. One place is told of once by each lint: an anchor stands in several services.
#[derive(Debug)]
pub(super) struct Findings<'a> {
    report: &'a mut Report,
    told: BTreeSet<(&'static str, (u32, u32))>,
}

impl Findings<'_> {
    /// Adds a finding.
    pub(super) fn add(&mut self, finding: Finding) {
        let (code, spot) = finding.spot();
        if spot.is_none_or(|spot| self.told.insert((code, spot))) {
            self.report.add(finding);
        }
    }

    /// The text of a place as it stands in the file.
    pub(super) fn raw(&self, place: Place) -> &str {
        self.report.sources.raw(place)
    }

    /// The texts that were read.
    pub(super) fn sources(&self) -> &Sources {
        &self.report.sources
    }
}

/// Looks at a project that has no errors.
pub(crate) fn run(normal: &Normal, entry: &Entry, context: &mut Context<'_, '_>) {
    let project = Project {
        tree: &normal.tree,
        facts: &normal.facts,
        services: services(&normal.tree),
        listing: Listing::new(normal, entry, context),
    };
    let dotenv = environment::Dotenv::new(entry, context.environment);
    let mut findings = Findings { report: context.report, told: BTreeSet::new() };
    ports::check(&project, &mut findings);
    health::check(&project, &mut findings);
    order::check(&project, &mut findings);
    environment::check(&project, &mut findings);
    argv::check(&project, &mut findings);
    autoheal::check(&project, &mut findings);
    images::check(&project, &mut findings);
    restart::check(&project, &mut findings);
    limits::check(&project, &mut findings);
    mounts::check(&project, &mut findings);
    unused::check(&project, &mut findings);
    dotenv.check(&mut findings);
}
