//! Why a Port's mode is what it is, in words (`MODE-7`).

use oro_kernel_linux::{EndPicture, ModeReason, PortNames, PortPicture};

/// One word for the modes of both ends.
pub(crate) fn name_mode(port: &PortPicture) -> &'static str {
    match (port.producer.is_asynchronous, port.consumer.is_asynchronous) {
        (true, true) => "asynchronous",
        (false, false) => "synchronous",
        (true, false) | (false, true) => "mixed",
    }
}

/// A stable word for tools.
pub(crate) fn name_reason(reason: ModeReason) -> &'static str {
    match reason {
        ModeReason::Unknown => "unknown",
        ModeReason::Forced => "forced",
        ModeReason::Naive => "naive",
        ModeReason::Streak => "streak",
        ModeReason::Peer => "peer",
        ModeReason::Unsupported => "unsupported",
        ModeReason::Qualified => "qualified",
        ModeReason::Earned => "earned",
        ModeReason::Leaving => "leaving",
        ModeReason::Ended => "ended",
    }
}

/// Who forces a Port: `manifest`, `operator` or nobody.
pub(crate) fn find_forcer(port: &PortPicture, names: &PortNames) -> Option<&'static str> {
    match (names.is_forced_by_manifest, port.is_forced) {
        (true, _) => Some("manifest"),
        (false, true) => Some("operator"),
        (false, false) => None,
    }
}

/// What decides, the strongest first: it stands for the whole Port.
const ORDER: [ModeReason; 10] = [
    ModeReason::Ended,
    ModeReason::Leaving,
    ModeReason::Forced,
    ModeReason::Unsupported,
    ModeReason::Naive,
    ModeReason::Streak,
    ModeReason::Peer,
    ModeReason::Qualified,
    ModeReason::Earned,
    ModeReason::Unknown,
];

/// Why a Port's mode is what it is.
pub(crate) fn explain_mode(port: &PortPicture, names: &PortNames) -> String {
    let ends = [(&port.producer, names.from.as_str()), (&port.consumer, names.to.as_str())];
    let of = |reason: &ModeReason| ends.iter().any(|(end, _)| end.reason == *reason);
    let reason = ORDER.into_iter().find(of).unwrap_or_default();
    let ends = ends.into_iter().filter(|(end, _)| end.reason == reason).collect::<Vec<_>>();
    let list: Vec<&str> = ends.iter().map(|(_, name)| *name).collect();
    let list = list.join("` and `");
    let forcer = match find_forcer(port, names) {
        Some("manifest") => "forced by the manifest",
        Some(_) => "forced by an operator",
        None => "no longer forced",
    };
    match reason {
        ModeReason::Ended => explain_end(port, names),
        ModeReason::Leaving => {
            let why = if port.is_forced { forcer } else { "too many doorbells rang for nothing" };
            match ends.len() {
                1 => format!("{why}: `{list}` becomes synchronous at its next cursor store"),
                _ => format!("{why}: `{list}` become synchronous at their next cursor stores"),
            }
        }
        ModeReason::Forced => forcer.to_owned(),
        ModeReason::Unsupported if port.threshold == 0 => {
            let verb = if ends.len() == 1 { "has" } else { "have" };
            format!("`{list}` {verb} no asynchronous mode")
        }
        ModeReason::Unsupported => format!("`{list}` cannot be asynchronous"),
        ModeReason::Naive => match ends.len() {
            1 => format!("`{list}` belongs to a naive thread"),
            _ => format!("`{list}` belong to naive threads"),
        },
        ModeReason::Streak => {
            let show = |(end, name): &(&EndPicture, &str)| {
                format!("streak {} of {} at `{name}`", end.streak, port.threshold)
            };
            ends.iter().map(show).collect::<Vec<_>>().join(", ")
        }
        ModeReason::Peer => format!("`{list}` qualifies, its peer does not"),
        ModeReason::Qualified => match ends.len() {
            1 => {
                format!("both ends qualify: `{list}` becomes asynchronous at its next cursor store")
            }
            _ => format!(
                "both ends qualify: `{list}` become asynchronous at their next cursor stores"
            ),
        },
        ModeReason::Earned => "both ends have earned it".to_owned(),
        ModeReason::Unknown => "no reason is given".to_owned(),
    }
}

fn explain_end(port: &PortPicture, names: &PortNames) -> String {
    match port.state {
        "producer-ended" => format!("`{}` has ended", names.from),
        "consumer-ended" => format!("`{}` has ended", names.to),
        _ => "the Port has ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explain(reasons: [ModeReason; 2], change: impl Fn(&mut PortPicture)) -> String {
        let mut port = PortPicture { threshold: 32, state: "open", ..PortPicture::default() };
        [port.producer.reason, port.consumer.reason] = reasons;
        [port.producer.streak, port.consumer.streak] = [12, 3];
        change(&mut port);
        let names = PortNames { from: "a.out".into(), to: "b.in".into(), ..PortNames::default() };
        explain_mode(&port, &names)
    }

    /// `MODE-7`: every reason is a sentence of its own, and what matters most is said.
    #[test]
    fn mode_7_every_reason_is_a_sentence() {
        use ModeReason::{
            Earned, Ended, Forced, Leaving, Naive, Peer, Qualified, Streak, Unknown, Unsupported,
        };
        let nothing = |_: &mut PortPicture| ();
        let forced = |port: &mut PortPicture| port.is_forced = true;
        for (reasons, expected) in [
            ([Streak, Streak], "streak 12 of 32 at `a.out`, streak 3 of 32 at `b.in`"),
            ([Peer, Streak], "streak 3 of 32 at `b.in`"),
            ([Naive, Streak], "`a.out` belongs to a naive thread"),
            ([Naive, Naive], "`a.out` and `b.in` belong to naive threads"),
            ([Peer, Naive], "`b.in` belongs to a naive thread"),
            ([Unsupported, Naive], "`a.out` cannot be asynchronous"),
            ([Earned, Earned], "both ends have earned it"),
            (
                [Earned, Qualified],
                "both ends qualify: `b.in` becomes asynchronous at its next cursor store",
            ),
            ([Unknown, Unknown], "no reason is given"),
            (
                [Leaving, Earned],
                "too many doorbells rang for nothing: `a.out` becomes synchronous at its next cursor \
                 store",
            ),
            ([Ended, Ended], "the Port has ended"),
        ] {
            assert_eq!(explain(reasons, nothing), expected);
        }
        assert_eq!(explain([Forced, Forced], forced), "forced by an operator");
        assert!(explain([Forced, Leaving], forced).starts_with("forced by an operator: `b.in`"));
        let ended = |port: &mut PortPicture| port.state = "consumer-ended";
        assert_eq!(explain([Ended, Ended], ended), "`b.in` has ended");
    }
}
