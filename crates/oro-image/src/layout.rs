//! Layout texts of message types (`TYPE-1`, `TYPE-2`): what size and alignment follow from them.

use alloc::collections::BTreeSet;

use oro_sysabi::{MAX_LAYOUT_TEXT, MAX_SLOT_SIZE};

use crate::error::define_errors;

/// What follows from a layout text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutShape {
    /// Size in bytes, of the part before the flexible tail if there is one; never 0.
    pub size_bytes: u32,
    /// Alignment in bytes, a power of two.
    pub align_bytes: u32,
    /// The type ends in a flexible tail.
    pub is_flexible: bool,
}

define_errors! {
    /// What is wrong with a layout text; `at` is the byte in the text where the wrong part begins.
    pub enum LayoutError {
        TooLong { size: usize } = "LAYOUT-TOO-LONG",
            "the text has {size} bytes; at most {MAX_LAYOUT_TEXT} are allowed (LIM-9)";
        BadName { at: usize } = "LAYOUT-BAD-NAME",
            "byte {at}: a type's name is made of a-z 0-9 _ in parts with a dot between them, such \
             as `demo.number.v1`";
        NoBraces { at: usize } = "LAYOUT-NO-BRACES",
            "byte {at}: a text has the form `name{{field:type,field:type,}}`";
        NoComma { at: usize } = "LAYOUT-NO-COMMA",
            "byte {at}: a comma is missing; there is one after every field, also the last";
        NoField { at: usize } = "LAYOUT-NO-FIELD",
            "byte {at}: a type needs at least one field of a fixed size";
        BadField { at: usize } = "LAYOUT-BAD-FIELD",
            "byte {at}: a field is `name:type`, its name made of a-z 0-9 _";
        RepeatedField { at: usize } = "LAYOUT-REPEATED-FIELD",
            "byte {at}: another field has the same name";
        BadType { at: usize } = "LAYOUT-BAD-TYPE",
            "byte {at}: a field's type is u8 u16 u32 u64 i8 i16 i32 i64 f32 or f64, or an array \
             `T[n]` of one";
        BadCount { at: usize } = "LAYOUT-BAD-COUNT",
            "byte {at}: an array's count is a decimal number from 1 to {MAX_SLOT_SIZE}, without \
             zeros before it";
        BadTail { at: usize } = "LAYOUT-BAD-TAIL",
            "byte {at}: a flexible tail is `u8[]`, and the last field";
        Padding { at: usize, offset: u64, align: u64 } = "LAYOUT-PADDING",
            "byte {at}: padding would be needed, since offset {offset} is not a multiple of {align}; \
             put a named field of {} bytes there (TYPE-2)", align - offset % align;
        TooLarge { at: usize } = "LAYOUT-TOO-LARGE",
            "byte {at}: the type is larger than {MAX_SLOT_SIZE} bytes (LIM-1)";
    }
}

/// Checks a layout text and computes what follows from it.
///
/// # Errors
///
/// What is wrong and where, if the text is not as `TYPE-1` and `TYPE-2` say.
///
/// ```
/// let shape = oro_image::parse_layout("demo.sample.v1{at_ns:u64,value:f32,flags:u32,}")?;
/// assert_eq!((shape.size_bytes, shape.align_bytes, shape.is_flexible), (16, 8, false));
/// # Ok::<(), oro_image::LayoutError>(())
/// ```
pub fn parse_layout(text: &str) -> Result<LayoutShape, LayoutError> {
    let size = text.len();
    if u32::try_from(size).map_or(true, |size| size > MAX_LAYOUT_TEXT) {
        return Err(LayoutError::TooLong { size });
    }
    let (name, rest) = text.split_once('{').ok_or(LayoutError::NoBraces { at: size })?;
    if !name.split('.').all(is_identifier) {
        return Err(LayoutError::BadName { at: 0 });
    }
    let body = rest.strip_suffix('}').ok_or(LayoutError::NoBraces { at: size })?;
    let mut at = name.len() + 1;
    if body.is_empty() {
        return Err(LayoutError::NoField { at });
    }
    let fields = body.strip_suffix(',').ok_or(LayoutError::NoComma { at: size - 1 })?;
    let mut fields_so_far = Fields::default();
    for field in fields.split(',') {
        fields_so_far.add(field, at)?;
        at += field.len() + 1;
    }
    fields_so_far.finish(at)
}

/// The fields that have been read.
#[derive(Default)]
struct Fields<'text> {
    names: BTreeSet<&'text str>,
    size_bytes: u64,
    align_bytes: u64,
    is_flexible: bool,
}

impl<'text> Fields<'text> {
    /// Adds the field that begins at byte `at` of the text.
    fn add(&mut self, field: &'text str, at: usize) -> Result<(), LayoutError> {
        let (name, kind) = field.split_once(':').ok_or(LayoutError::BadField { at })?;
        if !is_identifier(name) {
            return Err(LayoutError::BadField { at });
        }
        if !self.names.insert(name) {
            return Err(LayoutError::RepeatedField { at });
        }
        let at = at + name.len() + 1;
        if self.is_flexible {
            return Err(LayoutError::BadTail { at });
        }
        let (scalar, count) = match kind.strip_suffix(']').and_then(|kind| kind.split_once('[')) {
            None => (kind, 1),
            Some(("u8", "")) => {
                self.is_flexible = true;
                return Ok(());
            }
            Some((_, "")) => return Err(LayoutError::BadTail { at }),
            Some((scalar, count)) => (scalar, parse_count(count, at + scalar.len() + 1)?),
        };
        let scalar_bytes = find_scalar_size(scalar).ok_or(LayoutError::BadType { at })?;
        self.align_bytes = self.align_bytes.max(scalar_bytes);
        if !self.size_bytes.is_multiple_of(scalar_bytes) {
            return Err(LayoutError::Padding { at, offset: self.size_bytes, align: scalar_bytes });
        }
        self.size_bytes += scalar_bytes * count;
        if self.size_bytes > u64::from(MAX_SLOT_SIZE) {
            return Err(LayoutError::TooLarge { at });
        }
        Ok(())
    }

    /// Checks the whole, whose fields end at byte `at` of the text.
    fn finish(self, at: usize) -> Result<LayoutShape, LayoutError> {
        if self.size_bytes == 0 {
            return Err(LayoutError::NoField { at });
        }
        if !self.size_bytes.is_multiple_of(self.align_bytes) {
            let (offset, align) = (self.size_bytes, self.align_bytes);
            return Err(LayoutError::Padding { at, offset, align });
        }
        let to_u32 = |value| u32::try_from(value).map_err(|_| LayoutError::TooLarge { at });
        Ok(LayoutShape {
            size_bytes: to_u32(self.size_bytes)?,
            align_bytes: to_u32(self.align_bytes)?,
            is_flexible: self.is_flexible,
        })
    }
}

/// Whether `text` may name a field, or be a part of a type's name.
fn is_identifier(text: &str) -> bool {
    let is_allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    !text.is_empty() && text.bytes().all(is_allowed)
}

/// The size of a scalar type, which is its alignment, in bytes.
fn find_scalar_size(name: &str) -> Option<u64> {
    match name {
        "u8" | "i8" => Some(1),
        "u16" | "i16" => Some(2),
        "u32" | "i32" | "f32" => Some(4),
        "u64" | "i64" | "f64" => Some(8),
        _ => None,
    }
}

/// An array's count.
fn parse_count(text: &str, at: usize) -> Result<u64, LayoutError> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let count = if is_plain { text.parse::<u64>().ok() } else { None };
    count
        .filter(|count| (1..=u64::from(MAX_SLOT_SIZE)).contains(count))
        .ok_or(LayoutError::BadCount { at })
}
