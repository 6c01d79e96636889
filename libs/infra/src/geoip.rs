//! Where addresses are: a database file in MaxMind's format, if the operator has one. It is read once, at the start, and nobody is asked
//! over the network.

use std::{fs, net::IpAddr, path::Path};

use domain::{
    Error, Result,
    core::ports::Locations,
    identity::risk::{Coordinates, Location},
};
use maxminddb::{Reader, geoip2::City};

/// The file, or none.
pub struct GeoIp(Option<Reader<Vec<u8>>>);

impl GeoIp {
    /// Reads the file; `None`: nothing is known of any address. Fails where it cannot be read or is no such database.
    pub fn open(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self(None)) };
        let unusable = |e: String| Error::internal(format!("risk.geoip_database {}: {e}", path.display()));
        let bytes = fs::read(path).map_err(|e| unusable(e.to_string()))?;
        let reader = Reader::from_source(bytes).map_err(|e| unusable(e.to_string()))?;
        let kind = &reader.metadata().database_type;
        if !["City", "Country", "Enterprise", "Insights"].iter().any(|known| kind.contains(known)) {
            return Err(unusable(format!(
                "it is of the type {kind}, which does not say where addresses are; use a City database"
            )));
        }
        Ok(Self(Some(reader)))
    }
}

impl Locations for GeoIp {
    fn locate(&self, address: IpAddr) -> Option<Location> {
        // What the file says wrongly about one address is as good as nothing.
        let city: City<'_> = self.0.as_ref()?.lookup(address).ok()?.decode().ok()??;
        let at = city.location.latitude.zip(city.location.longitude);
        Some(Location {
            at: at.and_then(|(latitude, longitude)| Coordinates::of_degrees(latitude, longitude)),
            country: city.country.iso_code.map(clean),
            city: city.city.names.english.map(clean),
        })
    }
}

/// The file is the operator's, but it came from somewhere.
fn clean(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_file_nothing_is_known_and_a_wrong_one_is_named() {
        assert!(GeoIp::open(None).unwrap().locate(IpAddr::from([127, 0, 0, 1])).is_none());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("city.mmdb");
        for written in [None, Some("no database")] {
            if let Some(text) = written {
                fs::write(&path, text).unwrap();
            }
            let error = GeoIp::open(Some(&path)).err().unwrap();
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains("risk.geoip_database") && cause.contains("city.mmdb"), "{cause}");
        }
    }
}
