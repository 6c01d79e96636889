//! Whether somebody can have been in two places.

use serde::{Deserialize, Serialize};

/// A place on the globe, in millionths of a degree: whole numbers are the same in every database and every JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coordinates {
    /// North of the equator.
    pub latitude: i32,
    /// East of Greenwich.
    pub longitude: i32,
}

/// The mean radius of the earth.
const RADIUS_KM: f64 = 6371.0088;
/// What is nearer proves nothing: addresses are often placed wrongly by as much.
const NEAR_KM: f64 = 500.0;
/// No airliner is faster.
const FASTEST_KMH: f64 = 900.0;

impl Coordinates {
    /// The place at these degrees, if there is one.
    pub fn of_degrees(latitude: f64, longitude: f64) -> Option<Self> {
        let fits = |degrees: f64, most: f64| degrees.is_finite() && degrees.abs() <= most;
        #[expect(clippy::cast_possible_truncation, reason = "at most 180 million")]
        let millionths = |degrees: f64| (degrees * 1e6).round() as i32;
        (fits(latitude, 90.0) && fits(longitude, 180.0))
            .then(|| Self { latitude: millionths(latitude), longitude: millionths(longitude) })
    }

    /// Degrees north of the equator and east of Greenwich.
    pub fn degrees(self) -> (f64, f64) {
        (f64::from(self.latitude) / 1e6, f64::from(self.longitude) / 1e6)
    }

    /// The distance along the surface (haversine).
    pub fn distance_km(self, other: Self) -> f64 {
        let ((lat, long), (other_lat, other_long)) = (self.degrees(), other.degrees());
        let half = |a: f64, b: f64| ((b - a).to_radians() / 2.0).sin().powi(2);
        let h = half(lat, other_lat) + lat.to_radians().cos() * other_lat.to_radians().cos() * half(long, other_long);
        2.0 * RADIUS_KM * h.clamp(0.0, 1.0).sqrt().asin()
    }
}

/// The way between two sign-ins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Travel {
    /// Where the one before came from.
    pub from: Coordinates,
    /// Where this one comes from.
    pub to: Coordinates,
    /// How many seconds lie between them.
    pub seconds: i64,
}

impl Travel {
    /// Whether nobody can have made it: further than 500 km, and faster than 900 km/h. No time at all is too fast.
    pub fn is_impossible(self) -> bool {
        let km = self.from.distance_km(self.to);
        #[expect(clippy::cast_precision_loss, reason = "exact for 285 million years")]
        let hours = self.seconds.max(0) as f64 / 3600.0;
        km > NEAR_KM && km > FASTEST_KMH * hours
    }
}
