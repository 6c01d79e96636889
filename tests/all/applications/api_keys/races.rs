//! Keys that change while they are used.

use futures::future::join_all;

use super::*;

both!(as_many_keys_as_are_allowed_and_no_more, async |app| {
    let keyed = keyed(app, &[]).await;
    let create = |n: usize| {
        let (by, path) = (app.by(&keyed.ann), keyed.org.at("api-keys"));
        async move { by.post(&path, json!({"name": format!("Key {n}"), "permissions": []})).await }
    };
    let made = join_all((0..110).map(create)).await;
    let refused = made.into_iter().filter(|answer| answer.status != 200).collect::<Vec<_>>();
    assert_eq!(refused.len(), 11);
    refused.into_iter().for_each(|answer| answer.refused_as(400, "BAD_REQUEST", "api_key_limit"));
    let listed = app.by(&keyed.ann).get(&keyed.org.at("api-keys")).await.ok();
    assert_eq!((listed["api_keys"].as_array().unwrap().len(), &listed["total"]), (100, &json!(100)));
    app.by(&keyed.ann).delete(&keyed.path()).await.done();
    create(200).await.ok();
});

both!(nothing_is_written_by_a_key_after_its_revocation_was_acknowledged, async |app| {
    let keyed = keyed(app, &["org.settings.manage"]).await;
    let program = keyed.program(app);
    let (path, names) = (keyed.org.path.as_str(), (0..30).map(|n| format!("Name {n}")));
    let writes = join_all(names.map(|name| program.patch(path, json!({"name": name}))));
    let revoke = async {
        app.by(&keyed.ann).delete(&keyed.path()).await.done();
        app.by(&keyed.ann).get(path).await.ok()["organization"]["name"].clone()
    };
    let (answers, name) = futures::join!(writes, revoke);
    for answer in answers.into_iter().filter(|answer| answer.status != 200) {
        answer.refused_as(401, "UNAUTHORIZED", "api_key_invalid");
    }
    assert_eq!(app.by(&keyed.ann).get(path).await.ok()["organization"]["name"], name);
});

both!(two_rotations_at_once_leave_one_new_secret, async |app| {
    let keyed = keyed(app, &[]).await;
    let rotations = (0..8).map(|_| {
        let (by, path) = (app.by(&keyed.ann), format!("{}/rotate", keyed.path()));
        async move { by.post(&path, json!({})).await }
    });
    let answers = join_all(rotations).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 7));
    lost.into_iter().for_each(|answer| answer.refused_as(400, "BAD_REQUEST", "too_many_secrets"));
});
