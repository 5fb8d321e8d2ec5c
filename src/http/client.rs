//! Who a request comes from.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;

/// The address of the client: the peer, or what proxies that are trusted say of it. Each adds the address that it sees at the
/// end of the list; what is before the first one that is not trusted anybody may have written.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> IpAddr {
    let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let listed: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    let mut client = peer.to_canonical();
    for text in listed.into_iter().rev() {
        if !client.is_loopback() && !proxies.contains(&client) {
            break;
        }
        let Ok(address) = text.parse::<IpAddr>() else { break };
        client = address.to_canonical();
    }
    client
}

/// What is counted as one client: a single host has all of its IPv6 network of 64 bits.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_proxies_that_are_trusted_are_believed() {
        let from = |peer: &str, forwarded: &[&str], proxies: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append("x-forwarded-for", value.parse().unwrap());
            }
            let proxies: Vec<IpAddr> = proxies.iter().map(|one| one.parse().unwrap()).collect();
            client(peer.parse().unwrap(), &headers, &proxies).to_string()
        };
        assert_eq!(from("192.0.2.9", &["198.51.100.1"], &[]), "192.0.2.9");
        assert_eq!(from("127.0.0.1", &["198.51.100.1"], &[]), "198.51.100.1");
        assert_eq!(from("::ffff:127.0.0.1", &["198.51.100.1"], &[]), "198.51.100.1");
        assert_eq!(from("127.0.0.1", &["10.9.9.9, 198.51.100.1"], &[]), "198.51.100.1");
        let proxies = &["10.0.0.1"];
        assert_eq!(
            from("10.0.0.1", &["10.9.9.9", "198.51.100.1, 10.0.0.1"], proxies),
            "198.51.100.1"
        );
        assert_eq!(from("127.0.0.1", &["nonsense"], &[]), "127.0.0.1");
        assert_eq!(from("127.0.0.1", &[], &[]), "127.0.0.1");
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("192.0.2.1"), "192.0.2.1");
    }
}
