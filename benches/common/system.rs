//! Systems for the real kernel: a plan from a manifest's text, run in a process of its own.

use std::collections::BTreeMap;

use oro_image::Image;
use oro_kernel_linux::{Outcome, Report};
use oro_system::{Manifest, Plan, ResolveOptions};

/// The plan of a manifest whose modules are called like the images and that names these files, and the
/// plan's images.
pub(crate) fn plan(
    manifest: &str,
    images: &BTreeMap<String, Image>,
    files: &[&str],
) -> (Plan, Vec<Image>) {
    let interfaces = images.iter().map(|(name, image)| (name.clone(), image.interface.clone()));
    let interfaces = interfaces.collect::<BTreeMap<_, _>>();
    let (parsed, diagnostics) = Manifest::parse(manifest.as_bytes());
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let files = files.iter().map(|name| (*name).to_owned()).collect();
    let options = ResolveOptions { files };
    let (plan, diagnostics) = parsed.expect("a manifest").resolve(&interfaces, &options);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let plan = plan.expect("a plan");
    let images = plan.modules.iter().map(|name| images[name].clone()).collect();
    (plan, images)
}

/// The statuses of a system's instances, all of which must have returned.
pub(crate) fn list_statuses(report: &Report) -> impl Iterator<Item = u64> {
    report.instances.iter().map(move |instance| match instance.outcome {
        Outcome::Exited { status } => status,
        Outcome::Faulted(_) | Outcome::Killed { .. } => panic!("{report:#?}"),
    })
}
