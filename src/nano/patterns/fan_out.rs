//! One message to many pipes.

use std::sync::Arc;

use super::super::pipes::{PipeKey, Pipes};
use crate::net::Body;

/// Bodies from this size on are copied once for all pipes, and not once for each.
const SHARE: usize = 1024;

/// Sends to all of these pipes that accept it. The others miss it, which is counted.
pub(super) fn send_to_all(
    pipes: &mut Pipes,
    targets: &[PipeKey],
    except: Option<PipeKey>,
    header: &[u32],
    body: Body<'_>,
) {
    let own;
    let mut body = body;
    if let Body::Copied(bytes) = body
        && bytes.len() >= SHARE
        && targets.len() > 1
    {
        own = Arc::from(bytes);
        body = Body::Shared(&own);
    }
    for target in targets {
        if Some(*target) == except {
            continue;
        }
        if !pipes.accepts(*target) || pipes.send(*target, header, body).is_none() {
            pipes.dropped += 1;
        }
    }
}
