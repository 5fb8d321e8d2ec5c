//! The texts of messages, and templates.

use composelet::alerts::{Message, Template, plain, slack, webhook};

#[test]
fn the_usual_texts() {
    let message = Message::example();
    let text = plain(&message, None, 0).unwrap();
    assert_eq!(
        text,
        "[error] shop: revision 5 was rejected; back to revision 4\n\
         web: it ended 3 times, last with exit code 1\n\
         commit 0123456789ab by Ana: a new colour\n\
         web: image app:1 → app:2\n\
         its container is exited, exit code 1"
    );
    assert!(plain(&message, None, 5).unwrap().ends_with("\n| cannot open the database"));
    let body = webhook(&message, None, 0).unwrap();
    assert_eq!(body["kind"], "rejected");
    assert_eq!(body["severity"], "error");
    assert_eq!(body["project"], "shop");
    assert_eq!(body["change"]["commits"][0]["author"], "Ana");
    assert_eq!(body["message"], text);
    assert_eq!(body["log"].as_array().map(Vec::len), Some(0), "not asked for");
}

#[test]
fn a_commit_calls_nobody_in_a_chat() {
    let mut message = Message::example();
    message.change.as_mut().unwrap().commits[0].subject = Some("<!channel> & <@U1>".to_owned());
    let template = Template::new("{{ change.commits[0].subject }}", &message).unwrap();
    for template in [None, Some(&template)] {
        let text = slack(&message, template, 0).unwrap()["text"].as_str().unwrap().to_owned();
        assert!(text.contains("&lt;!channel&gt; &amp; &lt;@U1&gt;"), "{text}");
    }
}

#[test]
fn templates_name_what_messages_have() {
    let message = Message::example();
    let text = "{{ word|upper }} {{ project }} {{ reason }}\
                {% for line in lines %}\n- {{ line }}{% endfor %}";
    let template = Template::new(text, &message).unwrap();
    let text = plain(&message, Some(&template), 0).unwrap();
    assert!(text.starts_with("ERROR shop RevisionRejected\n- web: it ended"), "{text}");
    for (wrong, said) in [
        ("{{ titel }}", "line 1"),
        ("{% for %}", "syntax error"),
        (
            "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
            "does not end",
        ),
    ] {
        let error = Template::new(wrong, &message).unwrap_err();
        assert!(error.contains(said), "{wrong}: {error}");
    }
}
