//! What Rings ask of a wire: one from or to what is remounted stays within its Ring (`RING-8`).

use super::super::diagnostic::{Diagnostic, Report};
use super::super::entries::EndName;
use super::super::scope::Scope;
use super::End;

/// Reports an end that lies outside of the Ring in which the other one is named, if that is a
/// remount there. A wire between remounts is one finding.
pub(super) fn check_boundary(
    scope: &Scope<'_>,
    producer: (&End<'_>, &EndName),
    consumer: (&End<'_>, &EndName),
    report: &mut Report,
) {
    for ((remount, name), (other, other_name)) in [(producer, consumer), (consumer, producer)] {
        let Some(ring) = find_remount_ring(scope, remount) else { continue };
        if is_within(scope, other, ring) {
            continue;
        }
        let path = &scope.ring(ring).path;
        report.add(
            Diagnostic::error(
                "SYS-GRANT",
                format!("`{}` is wired to an end outside of `{path}`", name.show()),
                other_name.span.clone(),
                format!("no instance of `{path}`, nor of a Ring in it"),
            )
            .with_label(name.span.clone(), format!("granted for what is in `{path}`"))
            .with_help(format!(
                "wire it to an instance in `{path}`, or name it where it is, `{}` (RING-8)",
                show_origin(scope, remount, name)
            )),
        );
        return;
    }
}

/// The Ring onto which an end is remounted; `None` if it is named where it is.
fn find_remount_ring(scope: &Scope<'_>, end: &End<'_>) -> Option<usize> {
    let (ring, own) = match end {
        End::Port { ring, instance, .. } => (*ring, scope.manifest.instances[*instance].ring),
        End::BuiltIn { ring, .. } => (*ring, 0),
    };
    (ring != own).then_some(ring)
}

/// Whether an end is an instance's, in this Ring or in one in it.
fn is_within(scope: &Scope<'_>, end: &End<'_>, ring: usize) -> bool {
    let End::Port { instance, .. } = end else { return false };
    let own = scope.manifest.instances[*instance].ring;
    scope.manifest.ancestry(own).any(|outer| outer == ring)
}

/// An end by the path of its instance.
fn show_origin(scope: &Scope<'_>, end: &End<'_>, name: &EndName) -> String {
    let owner = match end {
        End::Port { instance, .. } => scope.manifest.instances[*instance].path.as_str(),
        End::BuiltIn { .. } => name.instance.value.as_str(),
    };
    name.show_at(owner)
}
