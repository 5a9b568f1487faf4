//! [`decide`]: what a request comes to.

use oro_sysabi::CONTROL_UNSUPPORTED;

use super::action::Action;
use super::reply::Refusal;
use super::request::Request;
use super::world::World;
use crate::Plan;

/// What `request` of `holder`, an instance that holds Ring control, comes to.
///
/// # Errors
///
/// Why nothing is to be done.
pub fn decide(
    _plan: &Plan,
    _world: &impl World,
    _holder: u32,
    _request: &Request,
) -> Result<Action, Refusal> {
    Err(Refusal::new(CONTROL_UNSUPPORTED, "not yet"))
}
