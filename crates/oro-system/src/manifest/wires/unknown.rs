//! The Rings and instances that a wire names and that are not there: what is said of them.

use super::super::diagnostic::{Diagnostic, Report};
use super::super::entries::{EndName, Located};
use super::super::scope::Scope;
use super::Wiring;
use crate::rules::{list_names, shorten};

impl Wiring {
    /// The Ring in which an end is named; `None` if it is not there, which is reported.
    pub(super) fn enter_rings(
        &mut self,
        scope: &Scope<'_>,
        name: &EndName,
        report: &mut Report,
    ) -> Option<usize> {
        let (mut ring, mut is_known) = (0, true);
        for part in &name.rings {
            let found = scope.find_ring(ring, &part.value);
            // Of a Ring that was only guessed nothing more is said.
            ring = match found {
                Some(found) => found,
                None if is_known => report_unknown_ring(scope, ring, part, report)?,
                None => return None,
            };
            is_known &= found.is_some();
        }
        if !is_known {
            self.note_meant(scope, ring, &name.instance.value, name);
        }
        is_known.then_some(ring)
    }

    /// Reports a name that stands for nothing in a Ring.
    pub(super) fn report_unknown(
        &mut self,
        scope: &Scope<'_>,
        ring: usize,
        name: &EndName,
        report: &mut Report,
    ) {
        let instance = name.instance.value.as_str();
        self.note_meant(scope, ring, instance, name);
        if scope.ring(ring).is_broken || report.skip_error() {
            return;
        }
        if scope.find_around(ring, instance).is_some() {
            report_not_granted(scope, ring, &name.instance, report);
            return;
        }
        let help = if let Some(inner) = scope.find_ring(ring, instance) {
            let inner = scope.ring(inner).show_inner("NAME");
            format!("that is a Ring: name an instance in it, `{}`", name.show_at(&inner))
        } else if let Some(known) = report.suggest(instance, scope.list_names(ring)) {
            self.note_meant(scope, ring, known, name);
            format!("did you mean `{known}`?")
        } else {
            let names = list_names(scope.list_names(ring));
            match ring {
                0 => format!("the instances are {names}"),
                _ => format!("{} has {names}", scope.ring(ring).show()),
            }
        };
        let message = match ring {
            0 => format!("there is no instance `{instance}`"),
            _ => format!("{} has no instance `{instance}`", scope.ring(ring).show()),
        };
        let span = name.instance.span.clone();
        report.add(
            Diagnostic::error("SYS-UNKNOWN-INSTANCE", message, span, "unknown instance")
                .with_help(help),
        );
    }

    /// Notes the ports that an end may mean, though it is wrong: they are not called unwired.
    pub(super) fn note_meant(
        &mut self,
        scope: &Scope<'_>,
        ring: usize,
        instance: &str,
        name: &EndName,
    ) {
        for instance in scope.list_meant(ring, instance) {
            let ports = scope.interfaces[instance].into_iter().flat_map(|of| &of.ports);
            let meant = ports.filter(|port| port.name == name.port.value);
            self.named.extend(meant.map(|port| (instance, port.index)));
        }
    }
}

/// Reports a Ring that is not there; the one that was probably meant.
fn report_unknown_ring(
    scope: &Scope<'_>,
    ring: usize,
    part: &Located<String>,
    report: &mut Report,
) -> Option<usize> {
    if scope.ring(ring).is_broken || scope.manifest.is_incomplete || report.skip_error() {
        return None;
    }
    let name = shorten(&part.value);
    let suggestion = report.suggest(&part.value, scope.list_rings(ring));
    let names = list_names(scope.list_rings(ring));
    let (message, all) = match ring {
        0 => (format!("there is no Ring `{name}`"), format!("the Rings are {names}")),
        _ => {
            let outer = scope.ring(ring).show();
            (format!("{outer} has no Ring `{name}`"), format!("its Rings are {names}"))
        }
    };
    let help = suggestion.map_or(all, |known| format!("did you mean `{known}`?"));
    report.add(
        Diagnostic::error("SYS-UNKNOWN-RING", message, part.span.clone(), "unknown Ring")
            .with_help(help),
    );
    scope.find_ring(ring, suggestion?)
}

/// Reports a name that a Ring around this one has, and that is not granted to it.
fn report_not_granted(scope: &Scope<'_>, ring: usize, name: &Located<String>, report: &mut Report) {
    let path = scope.ring(ring).show();
    let granted = &scope.ring(ring).grants;
    let granted = match granted.len() {
        0 => "nothing is granted to it".to_owned(),
        count => format!(
            "{} {} granted to it",
            list_names(granted.iter().map(|grant| grant.value.as_str())),
            if count == 1 { "is" } else { "are" }
        ),
    };
    let message = format!("`{}` is not granted to {path}", name.value);
    report.add(
        Diagnostic::error("SYS-GRANT", message, name.span.clone(), "needs a grant")
            .with_help(format!("{granted}: {} (RING-8)", scope.show_way(ring, &name.value))),
    );
}
