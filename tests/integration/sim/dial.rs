//! Connections from the host to containers.

use std::net::{IpAddr, SocketAddr};

use composelet::controller::Dial;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};

use super::engine::SimEngine;

impl Dial for SimEngine {
    fn accepts(&self, address: SocketAddr) -> BoxFuture<'_, bool> {
        let found = match address.ip() {
            IpAddr::V4(ip) => SimEngine::accepts(self, ip, address.port()),
            IpAddr::V6(_) => false,
        };
        ready(found).boxed()
    }
}
