//! Peers that send what no TLS library sends.

use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384;
use rustls::crypto::cipher::{OutboundChunks, OutboundPlainMessage};
use rustls::{
    ClientConfig, ConnectionTrafficSecrets, ContentType, ProtocolVersion, SupportedCipherSuite,
};

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

/// Encrypted records may be long whatever is in them (RFC 8446 section 5.4).
#[test]
fn a_message_in_padded_records_is_kept_up_to_a_limit_only() {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(certificates(AUTHORITY).unwrap());
    let mut config = ClientConfig::builder_with_provider(config::provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.enable_secret_extraction = true;
    let name = "localhost".try_into().unwrap();
    let side = UnbufferedClientConnection::new(Arc::new(config), name).unwrap();
    let (mut server, _) = pair(&server_settings(), &client_settings());
    let mut client = End::new(Tls::new(side, None));
    shake_hands(&mut server, &mut client);
    let (secrets, _) = client.layer.side.dangerous_into_kernel_connection().unwrap();
    let (first, secrets) = secrets.tx;
    let (ConnectionTrafficSecrets::Aes256Gcm { key, iv }, SupportedCipherSuite::Tls13(suite)) =
        (secrets, TLS13_AES_256_GCM_SHA384)
    else {
        panic!("another suite was agreed on");
    };
    let mut encrypter = suite.aead_alg.encrypter(key, iv);
    let mut given = 0;
    for number in first..first + 100 {
        // A KeyUpdate of the greatest length, one byte in each record; then its kind, then padding.
        let content = if number == first { &[24, 0, 0xff, 0xff, 22][..] } else { &[0, 22] };
        let padded = [content, &[0; 16_000]].concat();
        let message = OutboundPlainMessage {
            typ: ContentType::from(0),
            version: ProtocolVersion::TLSv1_2,
            payload: OutboundChunks::Single(&padded),
        };
        let mut bytes = encrypter.encrypt(message, number).unwrap().encode();
        if server.result.is_ok() {
            given += bytes.len();
            server.receive(&mut bytes);
        }
    }
    assert_eq!(server.code(), i32::from(u8::from(AlertDescription::DecodeError)));
    assert!((KEPT_LIMIT..2 * KEPT_LIMIT).contains(&given), "{given}");
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

/// What an attacker between the two makes of a flight.
fn tamper(random: &mut Random, bytes: &mut Vec<u8>, earlier: &[u8]) {
    match random.below(7) {
        0 => *bytes = random.damage(bytes),
        // A record of any kind in front, or behind.
        1 | 2 => {
            let length = random.below(300);
            let mut extra = record(20 + random.below(5) as u8, &random.bytes(length));
            if random.below(2) == 0 {
                extra.append(bytes);
                *bytes = extra;
            } else {
                bytes.append(&mut extra);
            }
        }
        // Once more what came before.
        3 => bytes.extend_from_slice(earlier),
        4 => bytes.truncate(random.below(bytes.len())),
        // The same handshake in other records: plain ones may be cut anywhere.
        _ => *bytes = cut_records(random, bytes),
    }
}

fn cut_records(random: &mut Random, mut bytes: &[u8]) -> Vec<u8> {
    let mut cut = Vec::new();
    while bytes.len() > HEADER {
        let end = HEADER + usize::from(u16::from_be_bytes([bytes[3], bytes[4]]));
        let Some(mut payload) = bytes.get(HEADER..end) else { break };
        while !payload.is_empty() {
            let count = random.up_to(payload.len());
            cut.extend_from_slice(&record(bytes[0], &payload[..count]));
            payload = &payload[count..];
        }
        bytes = &bytes[end..];
    }
    cut.extend_from_slice(bytes);
    cut
}

/// An error has the code of the alert that the peer gets, where that can be read.
fn judge_alert<L: Layer>(end: &End<L>) {
    let Err(error) = &end.result else { return };
    if let Some([21, 3, _, 0, 2, 2, alert]) = end.down.to_vec().last_chunk::<7>() {
        assert_eq!(error.code(), i32::from(*alert), "{error}");
    }
}

#[test]
fn old_versions_are_told_so() {
    // A ClientHello of TLS 1.0: a random, no session, one cipher suite, no compression.
    let body = [&[3, 1][..], &[7; 32], &[0, 0, 2, 0xc0, 0x09, 1, 0]].concat();
    let hello = [&[1, 0, 0, body.len() as u8], &body[..]].concat();
    let (mut server, _) = pair(&server_settings(), &client_settings());
    server.receive(&mut record(22, &hello));
    assert!(server.result.as_ref().unwrap_err().message().contains("TLS 1.2"));
    judge_alert(&server);
}

/// One side is kept small, and was told nothing but what the other one has sent.
fn judge<S: Side>(end: &End<Tls<S>>, sent: &[u8]) {
    assert!(sent.starts_with(&end.received));
    assert!(!end.ended, "nobody has said the end");
    assert!(end.layer.kept.capacity() <= 2 * KEPT_LIMIT);
}

#[test]
fn an_attacker_between_both_changes_nothing_that_is_told() {
    let mut random = Random::new(12);
    let identity = server_settings().identities;
    let roots = client_settings().roots;
    let mut outcomes = [0; 3];
    for round in 0..1000 {
        let client =
            Settings { identities: identity.clone(), ..both_versions()[round % 2].clone() };
        let server = match random.below(2) {
            0 => server_settings(),
            _ => Settings {
                verify: Some(VerifyMode::Peer),
                roots: roots.clone(),
                ..server_settings()
            },
        };
        let (mut server, mut client) = pair(&server, &client);
        let (mut earlier, mut sent, mut answered) = (Vec::new(), Vec::new(), Vec::new());
        // When the attacker sets in: at any stage of the handshake, or behind it.
        let stage = random.below(14);
        for flight in 0..12 {
            let mut there = client.take();
            let mut back = server.take();
            if there.is_empty() && back.is_empty() {
                break;
            }
            assert!(there.len() + back.len() < 64 * 1024);
            for bytes in [&mut there, &mut back] {
                if flight >= stage && !bytes.is_empty() && random.below(5) == 0 {
                    tamper(&mut random, bytes, &earlier);
                }
            }
            earlier = there.clone();
            cut(&mut there, &mut random, 2000, |piece| server.receive(piece));
            cut(&mut back, &mut random, 2000, |piece| client.receive(piece));
            let message = random.bytes(100);
            if client.layer.is_ready() && client.result.is_ok() {
                client.send(&message);
                sent.extend_from_slice(&message);
            }
            if server.layer.is_ready() && server.result.is_ok() {
                server.send(&message);
                answered.extend_from_slice(&message);
            }
            judge(&server, &sent);
            judge(&client, &answered);
            judge_alert(&server);
            judge_alert(&client);
        }
        let refused = server.result.is_err() || client.result.is_err();
        outcomes[usize::from(refused) + usize::from(!refused && server.received.is_empty()) * 2] +=
            1;
    }
    assert!(outcomes.iter().all(|count| *count >= 5), "each outcome is met: {outcomes:?}");
}
