//! What the end of a wire names: a port of an instance, or one of the kernel's own.
//!
//! What is said where there is none of that name is in `unknown`.

use oro_image::{Direction, Interface, Port};

use super::super::diagnostic::{Diagnostic, Report};
use super::super::entries::EndName;
use super::super::scope::{Scope, Thing, report_not_yet};
use super::{End, Wiring};
use crate::BuiltIn;
use crate::rules::{BuiltInFault, find_built_in, is_system_wired, list_names, shorten};

impl Wiring {
    /// The end that a wire names; `None` if it is not usable, which has been reported, or if its
    /// module is not there, which the caller has.
    pub(super) fn find_end<'a>(
        &mut self,
        scope: &Scope<'a>,
        name: &EndName,
        direction: Direction,
        report: &mut Report,
    ) -> Option<End<'a>> {
        let ring = self.enter_rings(scope, name, report)?;
        let instance = match scope.find(ring, &name.instance.value) {
            Some(Thing::Instance(instance)) => instance,
            Some(Thing::BuiltIn) => return claim_built_in(scope, ring, name, direction, report),
            Some(Thing::Lost) => {
                self.note_meant(scope, ring, &name.instance.value, name);
                return None;
            }
            None => {
                self.report_unknown(scope, ring, name, report);
                return None;
            }
        };
        let interface = scope.interfaces[instance]?;
        let Some(port) = interface.ports.iter().find(|port| port.name == name.port.value) else {
            self.report_unknown_port(instance, interface, name, direction, report);
            return None;
        };
        let element = check_element(port, name, report);
        self.named.insert((instance, port.index.saturating_add(element.unwrap_or(0))));
        let element = element?;
        if port.direction != direction {
            report_direction(name, direction, report);
            return None;
        }
        if is_system_wired(interface, port) {
            report_params_port(name, report);
            return None;
        }
        Some(End::Port { ring, instance, port, element })
    }

    fn report_unknown_port(
        &mut self,
        instance: usize,
        interface: &Interface,
        name: &EndName,
        direction: Direction,
        report: &mut Report,
    ) {
        let fitting = || interface.ports.iter().filter(|port| port.direction == direction);
        let all = interface.ports.iter().map(|port| port.name.as_str());
        let suggestion = report.suggest(&name.port.value, all);
        let meant = interface.ports.iter().find(|port| Some(port.name.as_str()) == suggestion);
        self.named.extend(meant.map(|port| (instance, port.index)));
        let owner = name.show_owner();
        let message = if interface.is_legacy {
            format!("`{owner}` runs an image without Oro notes: no ports")
        } else {
            format!("`{owner}` has no port `{}`", name.port.value)
        };
        report.add(
            Diagnostic::error("SYS-UNKNOWN-PORT", message, name.port.span.clone(), "unknown port")
                .with_help(match suggestion {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => format!(
                        "ports that {}: {}",
                        show_verb(direction),
                        list_names(fitting().map(|port| port.name.as_str()))
                    ),
                }),
        );
    }
}

/// The element that an end names; 0 of a plain port.
fn check_element(port: &Port, name: &EndName, report: &mut Report) -> Option<u32> {
    let (span, label, help) = match &name.element {
        None if port.max <= 1 => return Some(0),
        Some(element) if element.value < port.max.max(1) => return Some(element.value),
        None => (
            name.span.clone(),
            format!("an array of {}", port.max),
            format!("say which element: `{}[0]`", name.show()),
        ),
        Some(element) => (
            element.span.clone(),
            "no such element".to_owned(),
            match port.max {
                0 | 1 => "the port is no array: leave the brackets out".to_owned(),
                max => format!("the elements are 0 to {}", max - 1),
            },
        ),
    };
    let message = format!("`{}` is not an element of its port", name.show());
    report.add(Diagnostic::error("SYS-ELEMENT", message, span, label).with_help(help));
    None
}

fn claim_built_in<'a>(
    scope: &Scope<'a>,
    ring: usize,
    name: &EndName,
    direction: Direction,
    report: &mut Report,
) -> Option<End<'a>> {
    let (instance, port) = (name.instance.value.as_str(), name.port.value.as_str());
    if let Some(element) = &name.element {
        let message = format!("`{}.{port}` is no array", name.show_owner());
        report.add(
            Diagnostic::error("SYS-ELEMENT", message, element.span.clone(), "no such element")
                .with_help("leave the brackets out"),
        );
        return None;
    }
    let (built_in, carries) = match find_built_in(instance, port, direction) {
        Ok((built_in, carries)) => (built_in, carries),
        Err(BuiltInFault::Direction) => {
            report_direction(name, direction, report);
            return None;
        }
        Err(BuiltInFault::Unknown(ports)) => {
            report_unknown_built_in(name, ports, report);
            return None;
        }
        Err(BuiltInFault::NoInstance) => {
            report_not_yet(instance, &name.instance, report);
            return None;
        }
    };
    if matches!(built_in, BuiltIn::FileRead(_) | BuiltIn::FileWrite(_)) {
        check_file(scope, name, report)?;
    }
    Some(End::BuiltIn { ring, built_in, carries })
}

fn check_file(scope: &Scope<'_>, name: &EndName, report: &mut Report) -> Option<()> {
    let file = name.port.value.as_str();
    if scope.options.files.contains(file) {
        return Some(());
    }
    let suggestion = report.suggest(file, scope.options.files.iter().map(String::as_str));
    let help = match suggestion {
        Some(known) => {
            format!("`--file {known}=...` was given: did you mean `--file {file}=...`? (BUILTIN-3)")
        }
        None => format!("give it on the command line: `--file {file}=PATH` (BUILTIN-3)"),
    };
    let message = format!("no file is given for `{file}`");
    let span = name.port.span.clone();
    report.add(Diagnostic::error("SYS-FILE", message, span, "no such file").with_help(help));
    None
}

fn report_unknown_built_in(name: &EndName, ports: &[&str], report: &mut Report) {
    let suggestion = report.suggest(&name.port.value, ports.iter().copied());
    report.add(
        Diagnostic::error(
            "SYS-UNKNOWN-PORT",
            format!("`{}` has no port `{}`", name.show_owner(), name.port.value),
            name.port.span.clone(),
            "unknown port",
        )
        .with_help(match suggestion {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("its ports are {}", list_names(ports.iter().copied())),
        }),
    );
}

fn report_direction(name: &EndName, direction: Direction, report: &mut Report) {
    let (is, help) = match direction {
        Direction::Producer => (Direction::Consumer, "it belongs in `to`"),
        Direction::Consumer => (Direction::Producer, "it belongs in `from`"),
    };
    report.add(
        Diagnostic::error(
            "SYS-DIRECTION",
            format!("`{}` is on the wrong side of the wire", name.show()),
            name.span.clone(),
            format!("one of those that {}", show_verb(is)),
        )
        .with_help(format!("{help}: messages go from a producer to a consumer")),
    );
}

fn report_params_port(name: &EndName, report: &mut Report) {
    let message = format!("`{}` is wired by the system itself", shorten(&name.show()));
    report.add(
        Diagnostic::error("SYS-PARAM-PORT", message, name.span.clone(), "parameters come here")
            .with_help("leave the wire out, and give `params` to the instance (SYS-5)"),
    );
}

fn show_verb(direction: Direction) -> &'static str {
    match direction {
        Direction::Producer => "produce",
        Direction::Consumer => "consume",
    }
}
