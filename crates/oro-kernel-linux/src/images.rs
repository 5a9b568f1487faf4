//! [`Images`]: the images of a system's modules, by their numbers in the plan.

use std::borrow::Cow;
use std::ops::Index;

use oro_image::Image;

use crate::world::put;

/// By module; nothing of those that are forgotten. Those of the manifest are the caller's, others were loaded
/// (`CTL-5`).
#[derive(Debug)]
pub(crate) struct Images<'a>(Vec<Option<Cow<'a, Image>>>);

impl<'a> Images<'a> {
    pub(crate) fn new(images: &'a [Image]) -> Self {
        Self(images.iter().map(|image| Some(Cow::Borrowed(image))).collect())
    }

    /// A loaded one: of the next module, or of one with the number of another that is forgotten.
    pub(crate) fn put(&mut self, module: u32, image: Image) {
        put(&mut self.0, module as usize, Some(Cow::Owned(image)));
    }

    /// Of a module, unless that is forgotten.
    pub(crate) fn get(&self, module: u32) -> Option<&Image> {
        self.0.get(module as usize)?.as_deref()
    }

    /// Whether it was loaded: what the manifest names an operator may mount at any time (`CTL-14`).
    pub(crate) fn is_loaded(&self, module: u32) -> bool {
        matches!(self.0.get(module as usize), Some(Some(Cow::Owned(_))))
    }

    /// Nobody can have it any more.
    pub(crate) fn forget(&mut self, module: u32) {
        self.0[module as usize] = None;
    }
}

impl Index<usize> for Images<'_> {
    type Output = Image;

    fn index(&self, module: usize) -> &Image {
        self.0[module].as_deref().expect("kernel bug: the module is forgotten")
    }
}
