//! Sign-ins with a place.

use chrono::TimeDelta;
use serde_json::json;
use tenantry_tests::{Database, PlacedNetwork, TestApp, database_of_places};

use super::*;

const BERLIN: PlacedNetwork = PlacedNetwork { network: [203, 0, 113], country: "DE", city: "Berlin", at: (52.52, 13.405) };
const SYDNEY: PlacedNetwork = PlacedNetwork { network: [198, 51, 100], country: "AU", city: "Sydney", at: (-33.8688, 151.2093) };

async fn travels(app: &TestApp) {
    let (ann, org) = founded(app).await;
    let from = async |address: &str| sign_in(app, "ann@example.com", Some("acme"), None, Some(address)).await;
    let newest = async || {
        let org = Org { access: app.again(&ann).await.access, ..org.clone() };
        judged(app, &org).await[0].clone()
    };
    entered(&from("203.0.113.7").await);
    let first = newest().await;
    assert_eq!((&first["geo_country"], &first["geo_city"]), (&json!("DE"), &json!("Berlin")));
    assert_eq!(
        (&first["geo_lat"], &first["geo_long"], &first["risk_factors"]),
        (&json!(52.52), &json!(13.405), &json!(["new_device"]))
    );
    app.advance(TimeDelta::hours(1));
    // A place that nobody knows changes nothing.
    entered(&from("192.0.2.1").await);
    assert_eq!(newest().await.get("geo_country"), None);
    entered(&from("198.51.100.9").await);
    let there = newest().await;
    assert_eq!(there["risk_factors"], json!(["new_device", "impossible_travel"]));
    assert_eq!((&there["risk_score"], &there["inputs"]["seconds"]), (&json!(70), &json!(3600)));
    assert!(there["inputs"]["distance_km"].as_f64().unwrap() > 16_000.0, "{there}");
    // A day later it is a flight.
    app.advance(TimeDelta::days(1));
    entered(&from("203.0.113.7").await);
    assert_eq!(newest().await["risk_factors"], json!(["new_device"]));
    // Whoever is refused has not been there: the person, who stayed, is not held up.
    let token = app.again(&ann).await.access;
    app.client().bearer(&token).put(&org.at("risk-settings"), json!({"enforcement_mode": "block"})).await.ok();
    app.advance(TimeDelta::hours(1));
    from("198.51.100.9").await.refused_as(403, "FORBIDDEN", "risk_blocked");
    entered(&from("203.0.113.8").await);
}

#[test]
fn a_journey_that_nobody_can_make_counts() {
    for database in [Database::Sqlite, Database::Postgres] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("places.mmdb");
        std::fs::write(&path, database_of_places(&[BERLIN, SYDNEY])).unwrap();
        let options = Options::default().set("risk.geoip_database", path.display()).set("server.trusted_proxies", "127.0.0.0/8");
        tenantry_tests::run(database, options, travels);
    }
}
