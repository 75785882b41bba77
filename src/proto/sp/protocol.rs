//! The numbers of the scalability protocols, and what they are called.

/// A protocol as messages for people call it.
pub(crate) fn name_of(number: u16) -> String {
    known(number).map_or_else(|| format!("number {number}"), str::to_owned)
}

/// The subprotocol of WebSocket that stands for the protocol of a server.
pub(crate) fn subprotocol_of(number: u16) -> Option<String> {
    known(number).map(|name| format!("{name}.sp.nanomsg.org"))
}

fn known(number: u16) -> Option<&'static str> {
    Some(match number {
        16 => "pair",
        32 => "pub",
        33 => "sub",
        48 => "req",
        49 => "rep",
        80 => "push",
        81 => "pull",
        98 => "surveyor",
        99 => "respondent",
        112 => "bus",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_have_names() {
        assert_eq!(name_of(16), "pair");
        assert_eq!(name_of(17), "number 17");
        assert_eq!(subprotocol_of(98).as_deref(), Some("surveyor.sp.nanomsg.org"));
        assert_eq!(subprotocol_of(0), None);
    }
}
