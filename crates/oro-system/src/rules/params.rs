//! Parameters: values, and the Ports through which they come (`SYS-5`, `SYS-6`, `TYPE-11`).

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use oro_image::{Direction, Interface, Param, ParamKind, Port};
use oro_sysabi::PARAMS_LAYOUT;

use crate::{BuiltIn, MAX_PARAM_BYTES, PlanEnd, PlanPort};

/// Slots of a Port for parameters.
const PARAMS_SLOTS: u32 = 4;
/// Bytes of a message of `oro.params.v1` (`TYPE-11`).
const PARAMS_SLOT_SIZE: u32 = 256;

/// Names and values for each port through which parameters come, by port index, in note order.
pub(crate) type ParamsByPort = BTreeMap<u32, Vec<(String, String)>>;

/// Why a text is no value of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParamFault {
    /// It is of another kind, or out of range.
    Kind,
    /// Name and value have so many bytes together (`TYPE-11`).
    Long(usize),
}

/// The value that a text is, as it travels: integers in decimal, without needless digits.
pub(crate) fn read_param(declared: &Param, text: &str) -> Result<String, ParamFault> {
    let digits = text.strip_prefix('-').filter(|_| declared.kind == ParamKind::Signed);
    let is_decimal = digits.unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit());
    let value = match declared.kind {
        ParamKind::Text => Some(text.to_owned()),
        ParamKind::Unsigned => text.parse::<u64>().ok().map(|value| value.to_string()),
        ParamKind::Signed => text.parse::<i64>().ok().map(|value| value.to_string()),
        ParamKind::Boolean => matches!(text, "true" | "false").then(|| text.to_owned()),
    };
    let is_number = matches!(declared.kind, ParamKind::Unsigned | ParamKind::Signed);
    let value = value.filter(|_| is_decimal || !is_number).ok_or(ParamFault::Kind)?;
    let bytes = declared.name.len().saturating_add(value.len());
    if bytes <= MAX_PARAM_BYTES { Ok(value) } else { Err(ParamFault::Long(bytes)) }
}

/// What a parameter's value is.
pub(crate) fn name_kind(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::Text => "a text",
        ParamKind::Unsigned => "an integer from 0 to 2^64-1",
        ParamKind::Signed => "an integer from -2^63 to 2^63-1",
        ParamKind::Boolean => "`true` or `false`",
    }
}

/// Whether parameters come through a port, if no wire names it.
pub(crate) fn is_params_port(port: &Port) -> bool {
    port.direction == Direction::Consumer && port.layout == PARAMS_LAYOUT
}

/// Whether the system wires this port itself: PARAM notes name it (`SYS-5`).
pub(crate) fn is_system_wired(interface: &Interface, port: &Port) -> bool {
    is_params_port(port) && interface.params.iter().any(|param| param.port == port.index)
}

/// The Ports through which an instance's parameters come, wired by the system itself. One that no
/// PARAM note names, and no wire, carries none.
pub(crate) fn make_params_ports(
    instance: u32,
    interface: &Interface,
    mut values: ParamsByPort,
    may_restart: bool,
    is_wired: impl Fn(&Port) -> bool,
) -> Vec<PlanPort> {
    let ports = interface.ports.iter().filter(|port| is_params_port(port) && !is_wired(port));
    let wire = |port: &Port| PlanPort {
        slot_size_bytes: PARAMS_SLOT_SIZE,
        stride_bytes: PARAMS_SLOT_SIZE,
        slot_count: PARAMS_SLOTS,
        is_forced_synchronous: false,
        // A replacement is sent all of them anew (TYPE-11).
        drops_at_restart: may_restart,
        layout: PARAMS_LAYOUT.to_owned(),
        producer: PlanEnd::BuiltIn(BuiltIn::Params(values.remove(&port.index).unwrap_or_default())),
        consumer: PlanEnd::Instance { instance, port: port.index, entry: port.entry, element: 0 },
    };
    ports.map(wire).collect()
}
