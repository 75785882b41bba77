//! Peers that send what no TLS library sends.

use super::*;

/// A plain record.
fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind, 3, 1, length[0], length[1]], payload].concat()
}

/// The largest message of a handshake that rustls takes, never finished, in pieces of one byte.
fn endless_message() -> Vec<u8> {
    let mut bytes = record(22, &[1, 0, 0xff, 0xff]);
    for _ in 0..0xfffe {
        bytes.extend_from_slice(&record(22, &[0]));
    }
    bytes
}

#[test]
fn a_message_in_tiny_records_is_kept_up_to_a_limit_only() {
    for most in [100, 1 << 20] {
        let (mut server, _) = pair(&server_settings(), &client_settings());
        let mut bytes = endless_message();
        cut(&mut bytes, &mut Random::new(4), most, |piece| server.receive(piece));
        assert_eq!(server.code(), i32::from(u8::from(AlertDescription::DecodeError)));
        let kept = server.layer.kept.capacity();
        assert!(kept <= 2 * KEPT_LIMIT, "{kept}");
    }
}

#[test]
fn records_of_unknown_kinds_are_refused_when_they_are_there() {
    // Heartbeat, which rustls knows but does not speak, and the version of DTLS 1.2.
    for header in [[24, 3, 3, 0, 20], [22, 0xfe, 0xfd, 0, 20]] {
        for ready in [false, true] {
            let (mut server, mut client) = pair(&server_settings(), &client_settings());
            if ready {
                shake_hands(&mut server, &mut client);
            }
            // What follows the header looks like another one.
            let mut bytes = [&header[..], &[22, 3, 3, 0x40, 0].repeat(4)].concat();
            cut(&mut bytes, &mut Random::new(6), 1, |piece| server.receive(piece));
            assert!(server.result.is_err(), "{header:?}");
        }
    }
}
