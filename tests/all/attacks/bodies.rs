//! Bodies that are wrong: to every documented request, by somebody who may do everything. The answer is a refusal in the contract's
//! shape, and nothing changes.

use serde_json::{Value, json};
use tenantry_tests::{TestApp, both};

use super::document::{Operation, World, refused, world};

/// Sends each body to each operation with a JSON body; answers those that were not refused.
async fn attack(app: &TestApp, bodies: impl Fn(&Operation) -> Vec<(String, Vec<u8>)>) {
    let World { root, operations } = world(app).await;
    let before = app.dump().await;
    let mut taken = Vec::new();
    for operation in operations.iter().filter(|operation| !operation.fields.is_empty()) {
        for (what, body) in bodies(operation) {
            let answer = operation.send(&root, body).await;
            if answer.status < 400 { taken.push(format!("{what}: {answer}")) } else { refused(&what, &answer) }
        }
    }
    assert!(taken.is_empty(), "taken as if they were good:\n{}", taken.join("\n"));
    assert_eq!(app.dump().await, before, "something changed");
}

/// The same body, cut or continued or otherwise not JSON, whatever the operation is.
fn all(bodies: &[(&str, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    bodies.iter().map(|(what, body)| ((*what).to_owned(), body.clone())).collect()
}

both!(bodies_that_are_too_large, async |app| {
    attack(app, |operation| {
        let large = operation.with("padding", &json!("x".repeat(300_000)));
        all(&[
            ("300 KB of JSON", large.to_string().into()),
            ("300 KB of spaces", vec![b' '; 300_000]),
            ("a megabyte of nothing", vec![0; 1 << 20]),
        ])
    })
    .await;
    let answer = app.client().request(reqwest::Method::POST, "/api/auth/login").body(vec![b'x'; 300_000]).send().await;
    answer.refused_as(413, "BAD_REQUEST", "body_too_large");
});

both!(bodies_that_are_no_json_object, async |app| {
    let deep = |open: &str, close: &str, n: usize| format!("{}1{}", open.repeat(n), close.repeat(n)).into_bytes();
    attack(app, |operation| {
        let example = operation.example.to_string();
        let first = operation.fields[0].0.clone();
        all(&[
            ("a hundred thousand arrays", deep("[", "]", 100_000)),
            ("ten thousand objects", deep(&format!("{{\"{first}\":"), "}", 5_000)),
            ("text", b"\"text\"".to_vec()),
            ("number", b"7".to_vec()),
            ("null", b"null".to_vec()),
            ("true", b"true".to_vec()),
            ("an object in an array", format!("[{example}]").into()),
            ("invalid UTF-8", [format!("{{\"{first}\":\"").as_bytes(), b"\xff\xfe\"}"].concat()),
            ("invalid UTF-8 in a name", b"{\"\xc3\x28\":1}".to_vec()),
            ("overlong UTF-8", [format!("{{\"{first}\":\"").as_bytes(), b"\xc0\xaf\"}"].concat()),
            ("a byte order mark", [b"\xef\xbb\xbf", example.as_bytes()].concat()),
            ("UTF-16", example.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            ("bare NUL", b"\0".to_vec()),
            ("a raw newline in a text", b"{\"a\":\"\n\"}".to_vec()),
            ("two values", format!("{example}{example}").into()),
            ("cut", example.as_bytes()[..example.len() - 1].to_vec()),
            ("a comment", format!("/* */ {example}").into()),
            ("a trailing comma", format!("{},}}", &example[..example.len() - 1]).into()),
            ("NaN", format!("{{\"{first}\": NaN}}").into()),
            ("a form", b"a=b&c=d".to_vec()),
            ("XML", b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>".to_vec()),
        ])
    })
    .await;
});

both!(t13_arrays_are_no_objects, async |app| {
    // Values without names, in both orders: whoever checks a request by its documented names does not see them.
    attack(app, |operation| {
        let values: Vec<_> = operation.fields.iter().map(|(name, _)| operation.example[name].clone()).collect();
        let reversed: Vec<_> = values.iter().rev().cloned().collect();
        [Vec::new(), values, reversed]
            .map(|values| ("values without names".to_owned(), json!(values).to_string().into_bytes()))
            .into()
    })
    .await;
});

both!(members_that_nobody_reads_are_json_as_well, async |app| {
    attack(app, |operation| {
        let example = operation.example.to_string();
        let with = |value: &[u8]| [&example.as_bytes()[..example.len() - 1], b",\"nobody\":", value, b"}"].concat();
        all(&[
            ("invalid UTF-8", with(b"\"\xff\xfe\"")),
            ("overlong UTF-8", with(b"\"\xc0\xaf\"")),
            ("half a pair", with(b"\"\\ud800\"")),
            ("a bad escape", with(b"\"\\x\"")),
        ])
    })
    .await;
});

both!(values_that_no_field_takes, async |app| {
    attack(app, |operation| {
        let mut bodies = Vec::new();
        for (name, schema) in &operation.fields {
            let mut with = |what: &str, value: &str| {
                // Written by hand: these are not values that a JSON library would write.
                let mut body = operation.with(name, &json!("@@"));
                body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
                bodies.push((
                    format!("{} {}: {what} in {name}", operation.method, operation.template),
                    body.to_string().replace("\"@@\"", value).into_bytes(),
                ));
            };
            with("half a pair", "\"a\\ud800b\"");
            with("the other half", "\"\\udc00\"");
            with("a swapped pair", "\"\\udc00\\ud800\"");
            with("a number too large", "1e999");
            let ty = schema["type"].to_string();
            if ty.contains("string") {
                for (what, value) in [
                    ("NUL", "\"a\\u0000b\""),
                    ("NUL alone", "\"\\u0000\""),
                    ("an array", "[\"a\"]"),
                    ("an object", "{\"$ne\":\"\"}"),
                    ("a number", "18446744073709551616"),
                    ("a boolean", "true"),
                ] {
                    with(what, value);
                }
            } else if ty.contains("array") {
                for (what, value) in [
                    ("NUL", "[\"a\\u0000b\"]"),
                    ("a text", "\"user.joined\""),
                    ("an array of arrays", "[[]]"),
                    ("an object", "{}"),
                    ("nulls", "[null]"),
                ] {
                    with(what, value);
                }
            } else if ty.contains("integer") {
                for (what, value) in [
                    ("2^64", "18446744073709551616"),
                    ("-2^63", "-9223372036854775808"),
                    ("minus one", "-1"),
                    ("a fraction", "1.5"),
                    ("a text", "\"7\""),
                    ("1e300", "1e300"),
                ] {
                    with(what, value);
                }
            }
        }
        bodies
    })
    .await;
});

/// What a partial change may leave out and not take away, besides everything that the document calls a value and not `null`.
const NEVER_NULL: [(&str, &[&str]); 5] = [
    ("/api/user", &["email"]),
    ("/api/organizations/{org_slug}", &["name"]),
    ("/api/organizations/{org_slug}/members/{user_id}", &["role"]),
    ("/api/organizations/{org_slug}/roles/{role_id}", &["name", "permissions"]),
    ("/api/organizations/{org_slug}/webhooks/{webhook_id}", &["name", "url", "events", "is_active", "in_order"]),
];

both!(null_for_what_cannot_be_null_is_named, async |app| {
    let World { root, operations } = world(app).await;
    let before = app.dump().await;
    let partial = |operation: &&Operation| matches!(operation.method.as_str(), "PATCH" | "PUT") && !operation.fields.is_empty();
    for operation in operations.iter().filter(partial) {
        let named = NEVER_NULL.iter().find(|(path, _)| *path == operation.template).map_or(&[][..], |(_, names)| names);
        for (name, schema) in &operation.fields {
            if named.contains(&name.as_str()) || !schema["type"].to_string().contains("null") {
                let body = operation.with(name, &Value::Null).to_string().into_bytes();
                operation.send(&root, body).await.invalid(&[name]);
            }
        }
        assert!(named.iter().all(|name| operation.fields.iter().any(|(field, _)| field == name)), "{}", operation.template);
    }
    assert_eq!(app.dump().await, before, "something changed");
});

both!(members_that_come_twice, async |app| {
    attack(app, |operation| {
        let Value::Object(example) = &operation.example else { return Vec::new() };
        let twice = |name: &String| {
            let body = operation.example.to_string();
            let (one, other) = (format!("{{\"{name}\":{},", example[name]), format!("{{\"{name}\":null,"));
            [("twice the same", one), ("null first", other)]
                .map(|(what, start)| (format!("{what}: {name}"), format!("{start}{}", &body[1..]).into_bytes()))
        };
        example.keys().filter(|name| operation.fields.iter().any(|(field, _)| field == *name)).flat_map(twice).collect()
    })
    .await;
});

both!(forms_that_are_none, async |app| {
    let World { root, operations } = world(app).await;
    let before = app.dump().await;
    for operation in operations.iter().filter(|operation| operation.form) {
        for body in [
            &b"token=%00&password=%00&email=%00"[..],
            b"token=%ff%fe",
            b"token=a&token=b",
            b"{}",
            b"\0",
            b"&&&===",
            b"token[]=x",
            &[b'x'; 300_000],
            b"token=%zz",
        ] {
            for kind in ["application/x-www-form-urlencoded", "application/json", "text/plain", "multipart/form-data"] {
                let answer =
                    root.request(operation.method.clone(), &operation.path).header("content-type", kind).body(body).send().await;
                // RFC 7009: an unknown token is no error.
                let said = operation.template == "/auth/revoke" && answer.status == 200;
                // Another site's form is led to the address with the same parameters, which judges them.
                let led = ["/oidc/logout", "/authorize"].contains(&&*operation.template) && answer.status == 303;
                let said = said || led;
                assert!(
                    said || (400..500).contains(&answer.status),
                    "{} {kind}: {answer}",
                    String::from_utf8_lossy(&body[..body.len().min(40)])
                );
                assert!(!answer.text().contains("<script") && !answer.headers.contains_key("set-cookie"), "{answer}");
                if operation.template.starts_with("/oauth/") && answer.status != 413 {
                    // In the shape of RFC 6749.
                    assert!(answer.json()["error"].is_string() && answer.json()["error_description"].is_string(), "{answer}");
                } else if answer.header("content-type").contains("json") {
                    refused("a form", &answer);
                }
            }
        }
    }
    assert_eq!(app.dump().await, before, "something changed");
});
