//! Where a request comes from (T36). A header says what its sender likes, so it is believed only as far as somebody trustworthy wrote
//! it: `X-Forwarded-For` from a peer that is a trusted proxy, read from the right, up to the first hop that is none. What is left of that
//! hop came from the client. `Forwarded`, `X-Real-IP` and the like are not read at all, and no header says which scheme, host or
//! path a link gets. What `Host` is good for is in the file `hosts.rs`.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use actix_web::HttpRequest;
use ipnet::IpNet;

/// Networks whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    /// When a header of a stranger was last told in the log, in seconds since the process began (or 0).
    told: Arc<AtomicU64>,
}

/// A header that is not believed is told in the log at most this often.
const TOLD_EVERY: u64 = 600;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// A chain of trusted proxies that is longer than this is no chain but an attempt to keep us busy.
const MAX_HOPS: usize = 32;

impl TrustedProxies {
    /// Believes these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self { networks, told: Arc::default() }
    }

    /// What an operator should know before the first request: nobody is believed though somebody must be in front, since clients come
    /// over TLS; or so many are that some of them are no proxies.
    pub fn warnings(&self, https: bool) -> Vec<String> {
        let wide = |net: &&IpNet| net.prefix_len() < if net.addr().is_ipv4() { 16 } else { 48 };
        let too_wide = self.networks.iter().filter(wide).map(|net| {
            format!("server.trusted_proxies: {net} is wide; whoever can reach this server from there chooses the address it is counted under")
        });
        let nobody = (https && self.networks.is_empty()).then(|| {
            "server.trusted_proxies is empty, but server.public_url is https: behind a proxy that is not named there, all clients count as one"
                .to_owned()
        });
        too_wide.chain(nobody).collect()
    }

    /// Says, once in a while, that clients behind a proxy that is not named share their limits.
    fn tell_of_stranger(&self, peer: IpAddr) {
        static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
        metrics::counter!("forwarded_for_ignored_total").increment(1);
        let (now, told) = (BEGAN.elapsed().as_secs() + 1, self.told.load(Relaxed));
        let due = told == 0 || now >= told + TOLD_EVERY;
        if due && self.told.compare_exchange(told, now, Relaxed, Relaxed).is_ok() {
            tracing::warn!(%peer, "X-Forwarded-For from a peer that is not in server.trusted_proxies is ignored: if it is your proxy, all its clients share one limit");
        }
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|net| net.contains(&ip))
    }

    /// Whether a trusted proxy passed this request on.
    pub(super) fn passed_on(&self, req: &HttpRequest) -> bool {
        req.peer_addr().is_some_and(|peer| self.trusts(peer.ip().to_canonical()))
    }

    /// Whether a trusted proxy made this request for itself: nobody else stands behind it.
    pub fn made_by_proxy(&self, req: &HttpRequest) -> bool {
        self.client_of(req).is_some_and(|client| self.trusts(client))
    }

    /// The address of whoever sent this request.
    pub fn client_of(&self, req: &HttpRequest) -> Option<IpAddr> {
        let peer = req.peer_addr()?.ip().to_canonical();
        if !self.trusts(peer) {
            if req.headers().contains_key(FORWARDED_FOR) {
                self.tell_of_stranger(peer);
            }
            return Some(peer);
        }
        let lines: Vec<&[u8]> = req.headers().get_all(FORWARDED_FOR).map(|value| value.as_bytes()).collect();
        Some(self.client(peer, &lines))
    }

    /// The last hop that a trusted proxy vouches for: `peer` is one, and each hop was written by the one to the right of it.
    fn client(&self, peer: IpAddr, lines: &[&[u8]]) -> IpAddr {
        let hops = lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
        let mut client = peer;
        for hop in hops.take(MAX_HOPS) {
            // Whoever wrote this hop wrote no address, so nothing left of it can be believed either.
            let Some(ip) = address(hop) else { break };
            client = ip;
            if !self.trusts(client) {
                break;
            }
        }
        client
    }
}

/// A hop as proxies write it: an address, with or without a port, IPv6 with or without brackets.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim_matches([' ', '\t']);
    let bare = || text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).and_then(|ip| ip.parse().ok().map(IpAddr::V6));
    let ip = text.parse().ok().or_else(bare).or_else(|| text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()));
    ip.map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(lines: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8", "192.0.2.1/32"].map(|net| net.parse().unwrap());
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        TrustedProxies::new(trusted.into()).client("10.0.0.1".parse().unwrap(), &lines).to_string()
    }

    #[test]
    fn hops_are_read_from_the_right_up_to_the_first_stranger() {
        for (lines, expected) in [
            (&[][..], "10.0.0.1"),
            (&[""], "10.0.0.1"),
            (&["203.0.113.7"], "203.0.113.7"),
            (&["6.6.6.6, 203.0.113.7"], "203.0.113.7"),
            (&["6.6.6.6,203.0.113.7,10.1.1.1 ,\t10.2.2.2"], "203.0.113.7"),
            (&["6.6.6.6", "203.0.113.7"], "203.0.113.7"),
            (&["6.6.6.6, 203.0.113.7", "10.3.3.3"], "203.0.113.7"),
            (&["203.0.113.7", "192.0.2.1, fd00::1"], "203.0.113.7"),
            // Nobody but proxies: the farthest of them.
            (&["10.9.9.9, 10.1.1.1"], "10.9.9.9"),
            (&["fd00::2"], "fd00::2"),
        ] {
            assert_eq!(client(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn addresses_come_in_every_spelling() {
        for (hop, expected) in [
            ("203.0.113.7:1234", "203.0.113.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("2001:DB8:0:0:0:0:0:7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:443", "2001:db8::7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
            ("::ffff:cb00:7107", "203.0.113.7"),
        ] {
            assert_eq!(client(&[&format!("6.6.6.6, {hop}")]), expected, "{hop}");
        }
        // A proxy's address in another spelling is still a proxy's.
        assert_eq!(client(&["203.0.113.7, ::ffff:10.1.1.1, [fd00::1]:80, 10.2.2.2:80"]), "203.0.113.7");
    }

    #[test]
    fn what_is_no_address_ends_the_reading() {
        for hop in [
            "unknown",
            "_hidden",
            "-",
            "",
            "localhost",
            "203.0.113.007",
            "203.0.113",
            "203.0.113.7.8",
            "0xcb007107",
            "3405803783",
            "203.0.113.7:",
            "203.0.113.7:99999",
            "[203.0.113.7]",
            "[2001:db8::7",
            "2001:db8::7]:80",
            "fe80::1%eth0",
            "\"203.0.113.7\"",
            "for=203.0.113.7",
            "203.0.113.7;by=10.0.0.1",
            "<script>",
            "' or 1=1 --",
            "203.0.113.7 203.0.113.8",
            "２03.0.113.7",
        ] {
            assert_eq!(client(&[&format!("6.6.6.6, {hop}")]), "10.0.0.1", "{hop}");
            assert_eq!(client(&[&format!("6.6.6.6, {hop}, 10.4.4.4")]), "10.4.4.4", "{hop}");
        }
        let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let lines: &[&[u8]] = &[b"6.6.6.6, \xff\xfe, 10.5.5.5"];
        assert_eq!(trusted.client("10.0.0.1".parse().unwrap(), lines).to_string(), "10.5.5.5", "bytes that are no text");
    }

    #[test]
    fn a_header_without_end_is_not_read_to_its_end() {
        let proxies = vec!["10.1.1.1"; 1_000_000].join(",");
        assert_eq!(client(&[&format!("6.6.6.6,{proxies}")]), "10.1.1.1");
        assert_eq!(client(&[&",".repeat(1_000_000)]), "10.0.0.1");
        assert_eq!(client(&[&"9".repeat(1_000_000)]), "10.0.0.1");
    }

    #[test]
    fn nobody_is_trusted_by_default() {
        assert!(!TrustedProxies::default().trusts("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn what_is_likely_a_mistake_is_told_at_start() {
        let warnings = |networks: &[&str], https| {
            TrustedProxies::new(networks.iter().map(|net| net.parse().unwrap()).collect()).warnings(https).len()
        };
        assert_eq!((warnings(&[], true), warnings(&[], false)), (1, 0));
        assert_eq!(warnings(&["10.0.0.0/8", "0.0.0.0/0", "fd00::/8"], true), 3);
        assert_eq!(warnings(&["10.0.3.0/28", "10.244.0.0/16", "fd00:3::/64", "192.0.2.1/32"], true), 0);
    }

    #[test]
    fn a_strangers_header_is_told_once_in_a_while() {
        let trusted = TrustedProxies::default();
        let peer = "203.0.113.7".parse().unwrap();
        trusted.tell_of_stranger(peer);
        let told = trusted.told.load(Relaxed);
        assert_ne!(told, 0);
        trusted.tell_of_stranger(peer);
        assert_eq!(trusted.told.load(Relaxed), told);
    }
}
