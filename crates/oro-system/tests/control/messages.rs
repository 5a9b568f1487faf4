//! Messages: every field that an operation does not name is zero, and texts are texts (`CTL-2`).

use oro_sysabi::{CONTROL_BAD_REQUEST, CONTROL_NAME, CONTROL_QUOTA, ControlReply, ControlRequest};
use oro_system::control::{Answer, Description, Operation, Refusal, Reply, Request, Target, Usage};
use oro_system::{PlanRestart, RestartOn};

use crate::fixture::{N, T, Value, message, put};

fn refusal(bytes: &[u8; 512]) -> String {
    let refusal = Request::decode(bytes).expect_err("it is no request");
    assert_eq!(refusal.code, CONTROL_BAD_REQUEST, "{refusal}");
    assert!(refusal.text.len() <= 192, "{refusal}");
    refusal.text
}

/// A right message of each operation, with all fields that it names.
fn samples() -> Vec<(u32, Vec<(&'static str, Value<'static>)>)> {
    let id = N(1 << 32);
    vec![
        (
            1,
            vec![
                ("ring", id),
                ("name", T("a")),
                ("memory_bytes", N(1)),
                ("port_count", N(2)),
                ("thread_count", N(3)),
            ],
        ),
        (2, vec![("ring", id), ("module", T("clock"))]),
        (3, vec![("address", N(4096)), ("size_bytes", N(9))]),
        (
            4,
            vec![
                ("ring", id),
                ("image", id),
                ("name", T("a")),
                ("heap_bytes", N(4096)),
                ("memory_bytes", N(9)),
                ("restart", N(2)),
                ("restart_max", N(3)),
                ("restart_within_ns", N(4)),
                ("restart_backoff_ns", N(5)),
            ],
        ),
        (5, vec![("from", id), ("name", T("n")), ("text", T("v"))]),
        (
            6,
            vec![
                ("from", id),
                ("from_port", T("a")),
                ("from_element", N(1)),
                ("to", id),
                ("to_port", T("b")),
                ("to_element", N(2)),
                ("slot_count", N(8)),
                ("slot_size_bytes", N(64)),
            ],
        ),
        (7, vec![("ring", id)]),
        (8, vec![("from", id)]),
        (9, vec![("from", id)]),
        (10, vec![("from", id), ("module", T("m"))]),
        (11, vec![("ring", id)]),
        (12, vec![("port", id)]),
        (13, vec![("port", id)]),
        (14, vec![("port", id)]),
        (15, vec![("port", id), ("from", id), ("to_port", T("b")), ("to_element", N(1))]),
        (16, vec![("ring", id)]),
    ]
}

/// Fields that an operation may name besides those of its sample.
fn may_name(operation: u32, field: &str) -> bool {
    match operation {
        2 => field == "from",
        4 => field == "module",
        7 | 8 | 11 => matches!(field, "from" | "ring"),
        10 => field == "image",
        _ => false,
    }
}

#[test]
fn ctl_2_every_operation_is_taken_apart() {
    for (operation, fields) in samples() {
        let bytes = message(operation, &fields);
        assert_eq!(Request::header(&bytes), (7, operation));
        let request =
            Request::decode(&bytes).unwrap_or_else(|error| panic!("{operation}: {error}"));
        assert_eq!(request.correlation, 7);
    }
    let operation = |index: usize| {
        let (number, fields) = &samples()[index - 1];
        Request::decode(&message(*number, fields)).unwrap().operation
    };
    assert_eq!(operation(7), Operation::Start(Target::Ring(1 << 32)));
    assert_eq!(operation(8), Operation::End(Target::Instance(1 << 32)));
    let Operation::Mount { restart, heap_bytes, .. } = operation(4) else { panic!() };
    let wanted = PlanRestart { on: RestartOn::Always, max: 3, within_ns: 4, backoff_ns: 5 };
    assert_eq!((restart, heap_bytes), (wanted, 4096));
    let Operation::Wire(wire) = operation(6) else { panic!() };
    assert_eq!((wire.from.element, wire.to.element, wire.to.port.as_str()), (1, 2, "b"));
    assert_eq!((wire.slot_count, wire.slot_size_bytes), (8, 64));
}

#[test]
fn ctl_2_a_request_is_put_together_as_it_is_taken_apart() {
    let others = [
        (2, vec![("ring", N(9)), ("from", N(1 << 32))]),
        (4, vec![("ring", N(9)), ("module", T("m")), ("name", T("a")), ("restart", N(1))]),
        (7, vec![("from", N(9))]),
        (10, vec![("from", N(9)), ("image", N(1 << 32))]),
    ];
    for (operation, fields) in samples().into_iter().chain(others) {
        let bytes = message(operation, &fields);
        let request = Request::decode(&bytes).unwrap();
        assert_eq!(request.encode().unwrap(), bytes, "{request:?}");
    }
}

#[test]
fn ctl_2_what_has_no_room_in_a_request_is_told() {
    let encode = |operation| Request { correlation: 1, operation }.encode();
    let create = |name: String| {
        let (memory_bytes, port_count, thread_count) = (0, 0, 0);
        encode(Operation::Create { ring: 1, name, memory_bytes, port_count, thread_count })
    };
    assert!(create("x".repeat(31)).is_ok());
    let refusal = create("x".repeat(32)).unwrap_err();
    assert_eq!(refusal.code, CONTROL_NAME);
    assert!(refusal.text.contains("1 to 31 bytes"), "{refusal}");
    let param = |length| {
        let (name, value) = ("n".to_owned(), "v".repeat(length));
        encode(Operation::Param { instance: 1, name, value })
    };
    assert!(param(192).is_ok());
    let refusal = param(193).unwrap_err();
    assert_eq!(refusal.code, CONTROL_BAD_REQUEST);
    assert!(refusal.text.contains("193 bytes: at most 192"), "{refusal}");
}

#[test]
fn ctl_2_fields_that_an_operation_does_not_name_are_zero() {
    let mut tried = 0;
    for (operation, fields) in samples() {
        for field in ControlRequest::LAYOUT.fields {
            let is_named = fields.iter().any(|(name, _)| *name == field.name)
                || may_name(operation, field.name)
                || matches!(field.name, "correlation" | "operation" | "text_length");
            if is_named {
                continue;
            }
            for byte in [field.offset_bytes, field.offset_bytes + field.size_bytes - 1] {
                let mut bytes = message(operation, &fields);
                bytes[byte] = 1;
                let text = refusal(&bytes);
                assert!(text.starts_with(&format!("`{}` means nothing to ", field.name)), "{text}");
                tried += 1;
            }
        }
    }
    assert!(tried > 600, "only {tried}");
}

#[test]
fn ctl_2_what_is_no_request_is_told_why() {
    for operation in [0, 17, u32::MAX] {
        assert!(refusal(&message(operation, &[])).contains("1 to 16"));
    }
    let mut bytes = message(1, &[("name", T("a"))]);
    put(&mut bytes, "name", b"a\0b");
    assert!(refusal(&bytes).contains("`name` is not padded"));
    put(&mut bytes, "name", b"a\xff\0");
    assert!(refusal(&bytes).contains("`name` is not UTF-8"));
    let mut bytes = message(5, &[("name", T("a")), ("text", T("abc"))]);
    put(&mut bytes, "text_length", &2_u32.to_le_bytes());
    assert!(refusal(&bytes).contains("beyond"));
    put(&mut bytes, "text_length", &193_u32.to_le_bytes());
    assert!(refusal(&bytes).contains("at most 192"));
    for operation in [7, 8, 11] {
        assert!(refusal(&message(operation, &[])).contains("give one"));
        assert!(refusal(&message(operation, &[("ring", N(1)), ("from", N(1))])).contains("both"));
    }
    for (operation, id) in [(2, "from"), (4, "image"), (10, "image")] {
        assert!(refusal(&message(operation, &[])).contains("give one"));
        assert!(refusal(&message(operation, &[(id, N(1)), ("module", T("a"))])).contains("both"));
    }
    assert!(refusal(&message(4, &[("image", N(1)), ("restart", N(3))])).contains("0 to 2"));
}

fn field<'a>(bytes: &'a [u8; 256], name: &str) -> &'a [u8] {
    let field =
        ControlReply::LAYOUT.fields.iter().find(|field| field.name == name).expect("a field");
    &bytes[field.offset_bytes..field.offset_bytes + field.size_bytes]
}

#[test]
fn ctl_2_a_reply_repeats_the_request() {
    let encode = |answer| Reply { correlation: 9, operation: 4, answer }.encode();
    let bytes = encode(Answer::Done { id: 77 });
    assert_eq!(field(&bytes, "correlation"), 9_u64.to_le_bytes());
    assert_eq!(field(&bytes, "operation"), 4_u32.to_le_bytes());
    assert_eq!(field(&bytes, "code"), [0; 4]);
    assert_eq!(field(&bytes, "id"), 77_u64.to_le_bytes());
    assert!(bytes[24..].iter().all(|byte| *byte == 0));

    let text = "x".repeat(191) + "\u{fc}y";
    let bytes = encode(Answer::Refused(Refusal::new(CONTROL_QUOTA, text)));
    assert_eq!(field(&bytes, "code"), CONTROL_QUOTA.to_le_bytes());
    assert_eq!(field(&bytes, "text_length"), 191_u32.to_le_bytes(), "cut between characters");
    assert_eq!(field(&bytes, "text")[190..], [b'x', 0]);
    let bytes = encode(Answer::Refused(Refusal::new(CONTROL_QUOTA, "y".repeat(192))));
    assert_eq!(field(&bytes, "text_length"), 192_u32.to_le_bytes());
}

#[test]
fn ctl_12_a_description_has_what_there_is_and_may_be() {
    let taken = Usage { memory_bytes: 1, port_count: 2, thread_count: 3 };
    let most = Usage { memory_bytes: 4, port_count: 5, thread_count: 6 };
    let answer = Answer::Described(Description { taken, most });
    let bytes = Reply { correlation: 1, operation: 16, answer }.encode();
    let values = [
        ("memory_bytes", 1),
        ("memory_limit_bytes", 4),
        ("port_count", 2),
        ("port_limit", 5),
        ("thread_count", 3),
        ("thread_limit", 6),
    ];
    for (name, value) in values {
        assert_eq!(field(&bytes, name)[0], value, "{name}");
    }
    assert_eq!(bytes.iter().filter(|byte| **byte != 0).count(), values.len() + 2);
}
