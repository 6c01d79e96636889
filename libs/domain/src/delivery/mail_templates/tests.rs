use super::*;

fn text(subject: &str, text: &str, html: Option<&str>) -> MailText {
    MailText {
        subject: Subject::stored(subject.to_owned()),
        text: PlainBody::stored(text.to_owned()),
        html: html.map(|html| HtmlBody::stored(html.to_owned())),
    }
}

#[test]
fn every_violation_is_named() {
    for (says, template, violations) in [
        (text("Hi {{ organization }}", "{{link}}", Some("<a href=\"{{ link }}\">")), Template::Invitation, vec![]),
        (text("Hi", "text", Some("html")), Template::Invitation, vec![("text", "link_missing"), ("html", "link_missing")]),
        (text("{{ link }}", "{{ link }}", None), Template::ResetPassword, vec![("subject", "unknown_variable")]),
        (text("Hi", "{{ link }} {{ password }}", None), Template::ResetPassword, vec![("text", "unknown_variable")]),
        (
            text("Hi {{", "{{ link }}", Some("{{ link }} {{ x")),
            Template::ResetPassword,
            vec![("subject", "bad_variable"), ("html", "bad_variable")],
        ),
        (text("Hi", "{{ link | upper }} {{ link }}", None), Template::ResetPassword, vec![("text", "unknown_variable")]),
        (text("Hi", "works", None), Template::SmtpTest, vec![]),
    ] {
        let found: Vec<_> = says.check(template).into_iter().map(|violation| (violation.field, violation.code)).collect();
        let found: Vec<_> = found.iter().map(|(field, code)| (field.as_str(), *code)).collect();
        assert_eq!(found, violations, "{says:?}");
    }
}

#[test]
fn values_stay_values() {
    let says = text(
        "To {{ organization }}",
        "{{ organization }}: {{ link }}, {{ days }}",
        Some("<b title='{{ organization }}'>{{link}}</b>"),
    );
    let values = json!({"organization": "<A> & '{{ days }}'", "link": "https://x.example/?a=1&b=2", "days": 7});
    let shown = says.shown(&values, |_, text| text.to_owned());
    assert_eq!(shown.text, "<A> & '{{ days }}': https://x.example/?a=1&b=2, 7");
    assert_eq!(shown.html, "<b title='&lt;A&gt; &amp; &#x27;{{ days }}&#x27;'>https://x.example/?a=1&amp;b=2</b>");
    let plain = text("Hi", "1 < 2 {{ link }}", None).shown(&values, |_, text| text.to_owned());
    assert!(plain.html.contains("1 &lt; 2 https://x.example/?a=1&amp;b=2"), "{}", plain.html);
}

#[test]
fn the_language_is_the_heaviest_that_is_known() {
    for (header, language) in [
        ("de", Some("de")),
        ("de-AT, en;q=0.8", Some("de")),
        ("tlh, fr;q=0.5, en;q=0.7", Some("en")),
        ("en;q=0.5,de;q=0.5", Some("en")),
        ("en;q=0, de;q=0.1", Some("de")),
        ("*", None),
        ("", None),
        ("en;q=x, fr;q=9", None),
        ("DE-de", Some("de")),
    ] {
        assert_eq!(Language::accepted(header).map(Language::as_str), language, "{header}");
    }
}

#[test]
fn each_template_shows_its_sample() {
    for template in Template::ALL {
        let body: String = template.variables().iter().map(|name| format!("{{{{ {name} }}}} ")).collect();
        let says = text("Hi", &body, Some(&body));
        assert_eq!(says.check(template), []);
        let shown = says.preview(template);
        assert!(!shown.text.contains("{{") && shown.text.split_whitespace().count() >= template.variables().len());
        assert_eq!(template.name().parse(), Ok(template));
    }
}
