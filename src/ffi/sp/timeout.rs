//! How long calls may block.

use std::time::Duration;

/// What a timeout of the header means.
pub(super) enum Timeout {
    /// 0: the call never blocks.
    Try,
    /// Below 0: as the option of the socket says.
    AsSet,
    UpTo(Duration),
}

impl From<i64> for Timeout {
    fn from(milliseconds: i64) -> Timeout {
        match u64::try_from(milliseconds) {
            Ok(0) => Timeout::Try,
            Ok(milliseconds) => Timeout::UpTo(Duration::from_millis(milliseconds)),
            Err(_) => Timeout::AsSet,
        }
    }
}
