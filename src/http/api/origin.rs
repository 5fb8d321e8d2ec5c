//! Keeping browsers out: a page of somebody else must neither read nor write here, whatever name it gives this host.

use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::request::Parts;

/// Why a request is not for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misdirected {
    /// No host, or two, is named.
    Host,
    /// A name that this host does not go by (DNS rebinding).
    Name,
    /// A page sent it.
    Page,
}

/// A request that comes from a page. No page is ours, so none may ask.
pub(super) fn comes_from_a_page(head: &Parts) -> bool {
    let fetched = head.headers.get_all("sec-fetch-site").iter();
    head.headers.contains_key(ORIGIN) || fetched.into_iter().any(|site| site != "none")
}

/// Checks the name that a client over TCP has for this host: an address cannot be rebound, a name can.
pub(super) fn check_host(head: &Parts, hosts: &[String]) -> Result<(), Misdirected> {
    let mut named = head.headers.get_all(HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else {
        return Err(Misdirected::Host);
    };
    let host = host.to_str().map_err(|_| Misdirected::Host)?;
    let target = head.uri.authority().map(http::uri::Authority::as_str);
    let each = [Some(host), target];
    let known = |authority: &str| is_known(authority, hosts);
    if each.into_iter().flatten().all(known) { Ok(()) } else { Err(Misdirected::Name) }
}

fn is_known(authority: &str, hosts: &[String]) -> bool {
    let Ok(authority) = authority.parse::<http::uri::Authority>() else { return false };
    if authority.as_str().contains('@') {
        return false;
    }
    let name = authority.host();
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is = |known: &str| bare.eq_ignore_ascii_case(known);
    bare.parse::<IpAddr>().is_ok() || is("localhost") || hosts.iter().any(|host| is(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(uri: &str, headers: &[(&'static str, &str)]) -> Parts {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn names_that_can_be_rebound_are_refused() {
        let hosts = ["ops.example.com".to_owned()];
        let check = |host: &str| check_host(&head("/", &[("host", host)]), &hosts);
        for good in ["127.0.0.1:9456", "[::1]:9456", "localhost", "LOCALHOST:1", "ops.example.com"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "evil.example",
            "evil.example:9456",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "a@127.0.0.1",
            "ops.example.com.evil.example",
        ] {
            assert_eq!(check(bad), Err(Misdirected::Name), "{bad}");
        }
        let whole = head("http://evil.example/livez", &[("host", "127.0.0.1")]);
        assert_eq!(check_host(&whole, &hosts), Err(Misdirected::Name));
        let two = head("/", &[("host", "127.0.0.1"), ("host", "127.0.0.1")]);
        assert_eq!(check_host(&two, &hosts), Err(Misdirected::Host));
        assert_eq!(check_host(&head("/", &[]), &hosts), Err(Misdirected::Host));
    }

    #[test]
    fn whatever_a_page_sends_is_known_by_its_headers() {
        for headers in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "null")],
            &[("origin", "http://127.0.0.1:9456")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-origin")],
        ] {
            assert!(comes_from_a_page(&head("/", headers)), "{headers:?}");
        }
        assert!(!comes_from_a_page(&head("/", &[("host", "h")])));
        assert!(!comes_from_a_page(&head("/", &[("sec-fetch-site", "none")])), "typed by a person");
    }
}
