//! Connections from the host to containers.

use std::net::{IpAddr, SocketAddr};

use composelet::controller::Dial;
use composelet::model::host_probe::HttpGet;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};

use super::engine::SimEngine;

impl SimEngine {
    fn dial(&self, address: SocketAddr) -> Result<u16, String> {
        let answer = match address.ip() {
            IpAddr::V4(ip) => self.answer(ip),
            IpAddr::V6(_) => None,
        };
        answer.ok_or_else(|| "Connection refused".to_owned())
    }
}

impl Dial for SimEngine {
    fn accepts(&self, address: SocketAddr) -> BoxFuture<'_, bool> {
        ready(self.dial(address).is_ok()).boxed()
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, Result<(), String>> {
        ready(self.dial(address).map(drop)).boxed()
    }

    fn get<'a>(
        &'a self,
        address: SocketAddr,
        _get: &'a HttpGet,
    ) -> BoxFuture<'a, Result<u16, String>> {
        ready(self.dial(address)).boxed()
    }

    fn fetch<'a>(
        &'a self,
        host: &'a str,
        _get: &'a HttpGet,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        let body = self.with(|world| world.servers.get(host).cloned());
        ready(body.map(String::into_bytes).ok_or_else(|| "no such host".to_owned())).boxed()
    }
}
