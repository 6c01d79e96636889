//! Passkeys: one question that is answered by many at once.

use futures::future::join_all;
use serde_json::json;
use tenantry_tests::{PasskeyDevice, both};

use super::{sound, tally, watched};

both!(a_question_is_answered_once, async |app| {
    let crowd = watched(app).await;
    let ann = app.sign_up("ann@example.com").await;
    let (by, mut device) = (app.by(&ann), PasskeyDevice::at(app));
    let asked = by.post_empty("/api/auth/passkeys/register/start").await.ok();
    let body = json!({"challenge_id": asked["challenge_id"], "credential": device.make(&asked), "name": "Laptop"});
    let made = join_all((0..crowd).map(|_| by.post("/api/auth/passkeys/register/finish", body.clone()))).await;
    assert_eq!(tally(&made, [200, 400]), [1, crowd - 1]);
    assert_eq!(app.count("select count(*) from passkeys").await, 1);

    let asked = app.client().post_empty("/api/auth/passkeys/authenticate/start").await.ok();
    device.counter += 1;
    let body = json!({"challenge_id": asked["challenge_id"], "credential": device.sign(&asked)});
    let before = app.count("select count(*) from sessions").await;
    let client = app.client();
    let signed_in = join_all((0..crowd).map(|_| client.post("/api/auth/passkeys/authenticate/finish", body.clone()))).await;
    assert_eq!(tally(&signed_in, [200, 401]), [1, crowd - 1]);
    assert_eq!(app.count("select count(*) from sessions").await - before, 1);
    sound(app).await;
});
