use super::*;

#[test]
fn the_id_of_a_target_says_its_kind() {
    for Target { kind, id } in Event::samples().iter().map(Event::target).filter(|target| target.kind != "email") {
        assert_eq!(Target::kind_of(&id), Some(kind), "{id}");
    }
    assert_eq!(Target::kind_of("usr_ann@example.com"), Some("email"));
    assert_eq!((Target::kind_of("usr"), Target::kind_of("x_1"), Target::kind_of("")), (None, None, None));
}
