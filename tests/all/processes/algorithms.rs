//! `tokens.access_alg`: the three algorithms over one database, each start with another one. What was signed before stays valid.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use tenantry_tests::block_on;

use super::world::{ROOT, World};

/// The header of a token.
pub(super) fn header(token: &str) -> Value {
    let part = token.split('.').next().expect("a token has parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

#[test]
fn the_three_algorithms_follow_each_other() {
    block_on(async {
        let world = World::sqlite().set("server.public_url", "http://sso.test");
        let mut earlier = Vec::new();
        for (alg, kind) in [("ES256", "EC"), ("RS256", "RSA"), ("EdDSA", "OKP")] {
            let server = world.api_with(&[("tokens.access_alg", alg)]).await;
            let ann = server.api().login(ROOT).await;
            let head = header(&ann.access);
            assert_eq!((&head["alg"], &head["typ"]), (&alg.into(), &"at+jwt".into()));
            let keys = server.api().get("/.well-known/jwks.json").await.ok();
            let key = keys["keys"].as_array().into_iter().flatten().find(|key| key["kid"] == head["kid"]);
            assert_eq!(key.expect("the key is published")["kty"], kind);
            assert!(!keys.to_string().contains("\"d\":"), "a private key is published");
            earlier.push(ann.access);
            for token in &earlier {
                server.api().with(token).get("/api/user").await.ok();
            }
            server.stop().await;
        }
    });
}
