//! Paths and ends as people write them, and what they stand for in a running system.

use oro_kernel_linux::{InstancePicture, Picture, RingPicture};
use oro_system::control::{EndName, Target};

use crate::problem::Problem;

/// The root Ring's path.
const ROOT: &str = "/";

/// A Ring by its path.
pub(super) fn find_ring<'a>(picture: &'a Picture, path: &str) -> Result<&'a RingPicture, Problem> {
    if path == ROOT {
        return Ok(&picture.root);
    }
    let path = from_root(path);
    let mut ring = &picture.root;
    for name in path.split('/') {
        let child = ring.children.iter().find(|child| child.name == name);
        ring = child.ok_or_else(|| report(picture, "Ring", path, &list_rings(picture)))?;
    }
    Ok(ring)
}

/// An instance that a module runs in, by its path.
pub(super) fn find_instance<'a>(
    picture: &'a Picture,
    path: &str,
) -> Result<&'a InstancePicture, Problem> {
    seek_instance(picture, path)
        .ok_or_else(|| report(picture, "instance", path, &list_instances(picture)))
}

/// A path may begin at the root by its name.
fn from_root(path: &str) -> &str {
    path.strip_prefix('/').filter(|rest| !rest.is_empty()).unwrap_or(path)
}

fn seek_instance<'a>(picture: &'a Picture, path: &str) -> Option<&'a InstancePicture> {
    let path = from_root(path);
    let (ring, name) = path.rsplit_once('/').unwrap_or((ROOT, path));
    let ring = find_ring(picture, ring).ok()?;
    // Those that are built in or remounted have no module there.
    let mut own = ring.instances.iter().filter(|own| !own.module.is_empty());
    own.find(|own| own.name == name)
}

/// A Ring or an instance: no Ring has both of one name (`SYS-3`).
pub(super) fn find_target(picture: &Picture, path: &str) -> Result<Target, Problem> {
    if let Ok(ring) = find_ring(picture, path) {
        return Ok(Target::Ring(ring.id));
    }
    if let Some(instance) = seek_instance(picture, path) {
        return Ok(Target::Instance(instance.id));
    }
    let mut known = list_rings(picture);
    known.extend(list_instances(picture));
    Err(report(picture, "Ring or instance", path, &known))
}

/// The Ring in which something new is to be, and its name.
pub(super) fn split_path<'a, 'b>(
    picture: &'a Picture,
    path: &'b str,
) -> Result<(&'a RingPicture, &'b str), Problem> {
    let path = from_root(path);
    if path.split('/').any(str::is_empty) {
        let message = format!("`{path}` has an empty part");
        return Err(Problem::error("RING-NAME", message).with_help("write `name` or `ring/name`"));
    }
    let (ring, name) = path.rsplit_once('/').unwrap_or((ROOT, path));
    Ok((find_ring(picture, ring)?, name))
}

/// An end: `ring/instance.port`, `instance.port[2]`, or a built-in one, such as `console.log`.
pub(super) fn find_end(picture: &Picture, text: &str) -> Result<EndName, Problem> {
    let Some((path, port)) = text.rsplit_once('.') else {
        let message = format!("`{text}` is no end of a Port");
        return Err(Problem::error("RING-NAME", message)
            .with_help("write `instance.port`, `ring/instance.port[2]` or `console.log`"));
    };
    if is_built_in(picture, path) {
        return Ok(EndName { instance: 0, port: text.to_owned(), element: 0 });
    }
    let instance = find_instance(picture, path)?.id;
    let Some((port, element)) = port.strip_suffix(']').and_then(|port| port.split_once('[')) else {
        return Ok(EndName { instance, port: port.to_owned(), element: 0 });
    };
    match element.parse() {
        Ok(element) => Ok(EndName { instance, port: port.to_owned(), element }),
        Err(_) => {
            Err(Problem::error("RING-NAME", format!("`{element}` in `{text}` is no element"))
                .with_help("elements are numbers from 0 on, such as `name.port[2]`"))
        }
    }
}

/// Whether it is one of the kernel's own instances.
pub(super) fn is_built_in(picture: &Picture, name: &str) -> bool {
    picture.root.instances.iter().any(|own| own.id == 0 && own.name == name)
}

fn list_rings(picture: &Picture) -> Vec<String> {
    fn collect(ring: &RingPicture, prefix: &str, paths: &mut Vec<String>) {
        for child in &ring.children {
            let path = format!("{prefix}{}", child.name);
            collect(child, &format!("{path}/"), paths);
            paths.push(path);
        }
    }
    let mut paths = Vec::new();
    collect(&picture.root, "", &mut paths);
    paths
}

fn list_instances(picture: &Picture) -> Vec<String> {
    let rings = list_rings(picture);
    let rings = rings.iter().map(|path| (format!("{path}/"), path.as_str()));
    let all = std::iter::once((String::new(), ROOT)).chain(rings);
    all.flat_map(|(prefix, path)| {
        let own =
            find_ring(picture, path).map(|ring| ring.instances.as_slice()).unwrap_or_default();
        let own = own.iter().filter(|own| !own.module.is_empty());
        own.map(move |own| format!("{prefix}{}", own.name)).collect::<Vec<_>>()
    })
    .collect()
}

fn report(picture: &Picture, what: &str, path: &str, known: &[String]) -> Problem {
    let problem = Problem::error("RING-UNKNOWN", format!("there is no {what} `{path}`"));
    if is_built_in(picture, path) {
        return problem.with_help(format!("`{path}` is built in: it cannot be changed"));
    }
    match oro_system::nearest_names(path, known.iter().map(String::as_str)).first() {
        Some(near) => problem.with_help(format!("did you mean `{near}`?")),
        None => problem.with_help("`oro inspect` shows what there is; the root Ring is `/`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        let instance = |id, name: &str, module: &str| InstancePicture {
            id,
            name: name.to_owned(),
            module: module.to_owned(),
            ..InstancePicture::default()
        };
        let ring = |id, name: &str, instances, children| RingPicture {
            id,
            name: name.to_owned(),
            instances,
            children,
        };
        let inner = ring(3, "inner", vec![instance(13, "x", "m")], Vec::new());
        let granted = vec![instance(12, "y", "m"), instance(11, "main", "")];
        let outer = ring(2, "outer", granted, vec![inner]);
        let own = vec![instance(11, "main", "m"), instance(0, "console", "")];
        Picture { root: ring(1, "root", own, vec![outer]), ports: Vec::new() }
    }

    #[test]
    fn rings_and_instances_are_found_by_path() {
        let picture = picture();
        let ring = |path| find_ring(&picture, path).map(|ring| ring.id).ok();
        assert_eq!((ring("/"), ring("outer"), ring("outer/inner")), (Some(1), Some(2), Some(3)));
        assert_eq!(ring("/outer/inner"), Some(3));
        for path in ["", "inner", "outer/", "//outer", "outer/x", "root"] {
            assert_eq!(ring(path), None, "{path}");
        }
        let instance = |path| find_instance(&picture, path).map(|own| own.id).ok();
        assert_eq!((instance("main"), instance("outer/inner/x")), (Some(11), Some(13)));
        // Built in; remounted.
        for path in ["console", "outer/main", "outer", "/"] {
            assert_eq!(instance(path), None, "{path}");
        }
        assert_eq!(find_target(&picture, "outer/y").ok(), Some(Target::Instance(12)));
        assert_eq!(find_target(&picture, "/").ok(), Some(Target::Ring(1)));
        for path in ["outer/", "//x", "outer//x", ""] {
            assert!(split_path(&picture, path).is_err(), "{path}");
        }
        let new = |path| split_path(&picture, path).map(|(ring, name)| (ring.id, name)).ok();
        assert_eq!(
            (new("a"), new("/a"), new("outer/a")),
            (Some((1, "a")), Some((1, "a")), Some((2, "a")))
        );
    }

    #[test]
    fn ends_are_named_as_in_a_manifest() {
        let picture = picture();
        let end =
            |text| find_end(&picture, text).map_err(|problem| (problem.message, problem.help));
        let name =
            |instance, port: &str, element| EndName { instance, port: port.to_owned(), element };
        assert_eq!(end("main.out"), Ok(name(11, "out", 0)));
        assert_eq!(end("outer/inner/x.in[2]"), Ok(name(13, "in", 2)));
        assert_eq!(end("console.log"), Ok(name(0, "console.log", 0)));
        for (text, message, help) in [
            ("main", "`main` is no end of a Port", "write `instance.port`"),
            ("mian.out", "there is no instance `mian`", "did you mean `main`?"),
            ("main.in[x]", "`x` in `main.in[x]` is no element", "numbers from 0 on"),
        ] {
            let (said, advice) = end(text).unwrap_err();
            assert_eq!(said, message);
            assert!(advice.unwrap().contains(help), "{text}");
        }
    }
}
