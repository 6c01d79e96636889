//! One noun, one area, in every crate.

use std::collections::{BTreeMap, BTreeSet};

use super::File;

/// The areas. A new one is a deliberate change of the design.
const AREAS: [&str; 10] =
    ["applications", "authorization", "billing", "core", "delivery", "events", "federation", "identity", "risk", "tenancy"];

/// Where areas are folders.
const PLACES: [&str; 5] =
    ["libs/domain/src/", "libs/store/src/", "libs/app/src/", "services/api/src/faces/native/", "tests/all/"];

/// Black-box tests that go across the areas.
const ACROSS: [&str; 4] = ["attacks", "processes", "races", "tenants"];

/// The folders there are, by place.
fn folders(files: &[File]) -> BTreeMap<&'static str, BTreeSet<&str>> {
    let inside = |place: &'static str| {
        let names = files.iter().filter_map(|file| Some(file.path.strip_prefix(place)?.split_once('/')?.0));
        (place, names.collect())
    };
    PLACES.into_iter().map(inside).collect()
}

/// Areas have the same names everywhere, and an area that a use case has is one that the vocabulary has.
pub(super) fn same(files: &[File]) -> Vec<String> {
    let (folders, mut complaints) = (folders(files), Vec::new());
    for (place, names) in &folders {
        let across: &[&str] = if *place == "tests/all/" { &ACROSS } else { &[] };
        for name in names.iter().filter(|name| !AREAS.contains(name) && !across.contains(name)) {
            complaints.push(format!("{place}{name}/ is no area: {AREAS:?}"));
        }
        for name in names.iter().filter(|name| AREAS.contains(name) && !folders[PLACES[0]].contains(*name)) {
            complaints.push(format!("{place}{name}/ has no {}{name}/", PLACES[0]));
        }
    }
    // A single file at the top would belong to no area.
    for file in files.iter().filter(|file| file.is_rust()) {
        for place in &PLACES[..3] {
            let name = file.path.strip_prefix(place).and_then(|name| name.strip_suffix(".rs")).filter(|name| !name.contains('/'));
            if name.is_some_and(|name| name != "lib" && !AREAS.contains(&name)) {
                complaints.push(format!("{} stands in no area", file.path));
            }
        }
    }
    complaints
}
