//! The fuzz targets over their seeds and some thousand mutations of them, always the same. `make fuzz` looks for more.

use std::{fs, panic, path::Path};

use tenantry_tests::fuzz::{TARGETS, Target};

use super::random::Random;

/// For each target. Enough to notice a target that does not work any more, little enough for every run.
const MUTATIONS: usize = 3_000;

/// Texts that parsers treat as special.
const TOKENS: &[&[u8]] = &[
    b"\0",
    b"\r\n",
    b"\\u0000",
    b"\\ud800",
    b"%00",
    b"%2e%2e",
    b"..",
    b"//",
    b"@",
    b"\xff\xfe",
    b"\xc0\xaf",
    b"{",
    b"}",
    b"[",
    b"\"",
    b":",
    b",",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    "\u{202e}".as_bytes(),
    "\u{feff}".as_bytes(),
    b"=",
    b"'",
    b"127.0.0.1",
    b"[::1]",
    b"0x7f.1",
    b"10.0.0.1",
    b"https://",
    b"v1,",
    b".",
    b"_",
    b" ",
];

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(&folder).into_iter().flatten().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// One to four changes: a bit, a byte, a special text put in, a piece cut out, doubled, or taken from another seed.
fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut data = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        let (at, end) = (random.below(data.len() + 1), random.below(data.len() + 1));
        let (from, to) = (at.min(end), at.max(end));
        match random.below(6) {
            0 if at < data.len() => data[at] ^= 1 << random.below(8),
            1 if at < data.len() => data[at] = random.below(256) as u8,
            2 => drop(data.splice(at..at, TOKENS[random.below(TOKENS.len())].iter().copied())),
            3 => drop(data.drain(from..to)),
            4 => {
                let again = data[from..to].to_vec();
                data.splice(at..at, again);
            }
            _ => {
                let other = &seeds[random.below(seeds.len())];
                data.splice(from..to, other[random.below(other.len() + 1)..].iter().copied());
            }
        }
        data.truncate(4096);
    }
    data
}

fn feed(name: &str, target: Target, data: &[u8]) {
    let outcome = panic::catch_unwind(|| target(data));
    assert!(outcome.is_ok(), "{name} breaks on {:?} (the reason is above)", String::from_utf8_lossy(data));
}

#[test]
fn no_input_breaks_a_parser() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(seeds.len() > 1, "put some valid inputs into tests/fuzz/corpus/{name}");
        seeds.iter().for_each(|seed| feed(name, *target, seed));
        let mut random = Random(0x7e4a_4717);
        (0..MUTATIONS).for_each(|_| feed(name, *target, &mutated(&seeds, &mut random)));
    }
}
