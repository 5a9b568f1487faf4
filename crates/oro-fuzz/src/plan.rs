//! The target `plan`.

use oro_system::{DecodeError, PLAN_MAGIC, PLAN_VERSION, Plan};

const HEADER_BYTES: usize = 24;

/// Any bytes as a plan (`SYS-9`): what is accepted keeps its promises and is encoded just so.
///
/// The bytes are tried as they are, and once more under a header that is right for them: mutations do
/// not get past a checksum.
///
/// # Panics
///
/// If that does not hold.
#[must_use]
pub fn plan(bytes: &[u8]) -> bool {
    let as_given = check(bytes);
    let body = bytes.get(HEADER_BYTES..).unwrap_or_default();
    check(&seal(body)) || as_given
}

fn check(bytes: &[u8]) -> bool {
    match Plan::decode(bytes) {
        Ok(plan) => {
            assert_eq!(plan.check(), Ok(()), "SYS-9: what is decoded has been checked");
            assert_eq!(plan.encode().as_deref(), Ok(bytes), "SYS-9: one encoding");
            for instance in 0..plan.instances.len() {
                assert!(plan.path(instance).ends_with(&plan.instances[instance].name));
            }
            true
        }
        Err(error) => {
            assert!(error.to_string().len() > 10, "an error says what is wrong: {error}");
            if let DecodeError::Form { offset, .. } = error {
                assert!(offset <= bytes.len(), "the error is beyond the end: {offset}");
            }
            false
        }
    }
}

/// A body under its header.
fn seal(body: &[u8]) -> Vec<u8> {
    let hash = body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let size = u32::try_from(HEADER_BYTES + body.len()).expect("a fuzzer's input is small");
    let mut bytes = PLAN_MAGIC.to_vec();
    bytes.extend(PLAN_VERSION.to_le_bytes());
    bytes.extend(size.to_le_bytes());
    bytes.extend(hash.to_le_bytes());
    bytes.extend(body);
    bytes
}
