//! A database of places in MaxMind's format, written from the format's description: a tree over the bits of addresses, and what its leaves
//! point to. As small as a test needs it: IPv4, networks of 24 bits.

/// A network, and where it is.
#[derive(Clone, Copy, Debug)]
pub struct PlacedNetwork {
    /// The first three bytes of its addresses.
    pub network: [u8; 3],
    /// The country's ISO code.
    pub country: &'static str,
    /// The city.
    pub city: &'static str,
    /// Degrees north and east.
    pub at: (f64, f64),
}

/// Marks where the description of the file begins.
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// What a value is, and how long: the first byte of each, where both fit into it.
fn head(kind: u8, size: usize) -> Vec<u8> {
    let size = u8::try_from(size).expect("a short value");
    let (first, longer) = if size < 29 { (size, None) } else { (29, Some(size - 29)) };
    let mut head = if kind < 8 { vec![kind << 5 | first] } else { vec![first, kind - 7] };
    head.extend(longer);
    head
}

fn text(value: &str) -> Vec<u8> {
    [head(2, value.len()), value.as_bytes().to_vec()].concat()
}

fn double(value: f64) -> Vec<u8> {
    [head(3, 8), value.to_be_bytes().to_vec()].concat()
}

/// An unsigned number of 16 (5) or 32 bits (6), or of 64 (9).
fn number(kind: u8, value: u64) -> Vec<u8> {
    let bytes: Vec<u8> = value.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    [head(kind, bytes.len()), bytes].concat()
}

fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let pairs = entries.iter().flat_map(|(name, value)| [text(name), value.clone()]);
    head(7, entries.len()).into_iter().chain(pairs.flatten()).collect()
}

fn record(place: &PlacedNetwork) -> Vec<u8> {
    let named = |name: &str| map(&[("names", map(&[("en", text(name))]))]);
    map(&[
        ("city", named(place.city)),
        ("country", map(&[("iso_code", text(place.country))])),
        ("location", map(&[("latitude", double(place.at.0)), ("longitude", double(place.at.1))])),
    ])
}

/// What a bit of an address leads to.
#[derive(Clone, Copy)]
enum Next {
    Nothing,
    Node(usize),
    Data(usize),
}

/// The whole file.
pub fn database_of_places(places: &[PlacedNetwork]) -> Vec<u8> {
    let (mut nodes, mut data) = (vec![[Next::Nothing; 2]], Vec::new());
    for place in places {
        let bits: Vec<usize> =
            place.network.iter().flat_map(|byte| (0..8).rev().map(move |bit| usize::from(byte >> bit & 1))).collect();
        let mut at = 0;
        for bit in &bits[..23] {
            at = match nodes[at][*bit] {
                Next::Node(next) => next,
                _ => {
                    nodes.push([Next::Nothing; 2]);
                    let next = nodes.len() - 1;
                    nodes[at][*bit] = Next::Node(next);
                    next
                }
            };
        }
        nodes[at][bits[23]] = Next::Data(data.len());
        data.extend(record(place));
    }
    let count = nodes.len();
    let pointer = |next: &Next| {
        let value = match next {
            Next::Nothing => count,
            Next::Node(node) => *node,
            Next::Data(offset) => count + 16 + offset,
        };
        u32::try_from(value).expect("a small file").to_be_bytes()[1..].to_vec()
    };
    let tree = nodes.iter().flatten().flat_map(pointer);
    let describes = map(&[
        ("binary_format_major_version", number(5, 2)),
        ("binary_format_minor_version", number(5, 0)),
        ("build_epoch", number(9, 1_800_000_000)),
        ("database_type", text("Test-City")),
        ("description", map(&[("en", text("Places of a test"))])),
        ("ip_version", number(5, 4)),
        ("languages", [head(11, 1), text("en")].concat()),
        ("node_count", number(6, count as u64)),
        ("record_size", number(5, 24)),
    ]);
    tree.chain([0; 16]).chain(data).chain(MARKER.iter().copied()).chain(describes).collect()
}
