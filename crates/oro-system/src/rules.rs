//! Rules that the manifest and Ring control share: what a wire may join, sizes, parameters, words.
//!
//! Each finds what is wrong; who asks puts it in words, with a place in the manifest or with the field
//! of a request.

mod built_ins;
mod params;
mod types;
mod words;

pub(crate) use built_ins::{BuiltInFault, find_built_in};
pub(crate) use params::{
    ParamFault, ParamsByPort, is_params_port, is_system_wired, make_params_ports, name_kind,
    read_param,
};
pub(crate) use types::{
    Carries, PairFault, SizeFault, check_pair, check_queue, choose_slot_size, match_types,
    stack_bytes, wire_bytes,
};
#[cfg(feature = "manifest")]
pub(crate) use words::count_edits;
pub use words::nearest_names;
#[cfg(feature = "manifest")]
pub(crate) use words::{count_allowed_edits, is_comparable};
pub(crate) use words::{list_names, shorten, show_size};
