//! Verifiers by themselves, and in handshakes between two sides in memory.

use core::time::Duration;
use std::sync::Mutex;

use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, ServerConfig, ServerConnection, SupportedProtocolVersion,
};

use super::super::certificate::certificates;
use super::super::chain::fixtures::{Blueprint, Key};
use super::super::identity::{Identities, Identity};
use super::*;
use crate::proto::random::Random;

type Der = CertificateDer<'static>;

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("../../../../certs/", $name)).as_slice()
    };
}

macro_rules! chain {
    ($name:literal) => {
        certificates(file!($name)).unwrap()
    };
}

const BOTH_VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn strict() -> Policy {
    Policy { mode: VerifyMode::Require, names: true, legacy: false, depth: None, callback: None }
}

fn legacy() -> Policy {
    Policy { legacy: true, ..strict() }
}

fn unverified() -> Policy {
    Policy { mode: VerifyMode::None, ..strict() }
}

fn with_callback(
    policy: Policy,
    callback: impl Fn(&[u8], &Result<()>) -> bool + Send + Sync + 'static,
) -> Policy {
    Policy { callback: Some(Arc::new(callback)), ..policy }
}

fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(1_893_456_000))
}

#[derive(Debug)]
struct InTheYear2030;

impl TimeProvider for InTheYear2030 {
    fn current_time(&self) -> Option<UnixTime> {
        Some(now())
    }
}

fn identity(chain: &[u8], key: &[u8]) -> Arc<Identity> {
    Arc::new(Identity::new(chain, key, &mut || Some("qwerty".into())).unwrap())
}

fn legacy_server() -> Arc<Identity> {
    identity(file!("legacy/server.pem"), file!("legacy/server.pem"))
}

/// One side each; a client that is not asked for a certificate shows none.
struct Sides {
    version: &'static SupportedProtocolVersion,
    server: Arc<dyn rustls::server::ResolvesServerCert>,
    client: Arc<dyn rustls::client::ResolvesClientCert>,
    of_servers: Arc<dyn ServerCertVerifier>,
    of_clients: Option<Arc<dyn ClientCertVerifier>>,
}

impl Sides {
    fn new(
        version: &'static SupportedProtocolVersion,
        server: Arc<Identity>,
        policy: &Policy,
        roots: &[Der],
    ) -> Sides {
        Sides {
            version,
            server: Arc::new(Identities(vec![server])),
            client: Arc::new(Identities(Vec::new())),
            of_servers: server_verifier(policy, roots, &provider()).unwrap(),
            of_clients: None,
        }
    }

    /// What the handshake comes to for client and server.
    fn shake_hands(self, name: &'static str) -> (Verdict, Verdict) {
        let client = ClientConfig::builder_with_details(provider(), Arc::new(InTheYear2030))
            .with_protocol_versions(&[self.version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(self.of_servers)
            .with_client_cert_resolver(self.client);
        let server = ServerConfig::builder_with_details(provider(), Arc::new(InTheYear2030))
            .with_protocol_versions(&[self.version])
            .unwrap();
        let server = match self.of_clients {
            Some(verifier) => server.with_client_cert_verifier(verifier),
            None => server.with_no_client_auth(),
        };
        let server = server.with_cert_resolver(self.server);
        let name = ServerName::try_from(name).unwrap();
        let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
        let mut server = ServerConnection::new(Arc::new(server)).unwrap();
        let mut results = (Ok(()), Ok(()));
        for _ in 0..5 {
            let mut bytes = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut bytes).unwrap();
            }
            let mut rest = bytes.as_slice();
            while !rest.is_empty() && results.1.is_ok() {
                server.read_tls(&mut rest).unwrap();
                results.1 = server.process_new_packets().map(drop);
            }
            let mut bytes = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut bytes).unwrap();
            }
            let mut rest = bytes.as_slice();
            while !rest.is_empty() && results.0.is_ok() {
                client.read_tls(&mut rest).unwrap();
                results.0 = client.process_new_packets().map(drop);
            }
        }
        let unfinished = client.is_handshaking() || server.is_handshaking();
        assert!(!unfinished || results.0.is_err() || results.1.is_err());
        results
    }
}

fn check_server(policy: &Policy, chain: &[Der], roots: &[Der], name: &'static str) -> Verdict {
    let verifier = server_verifier(policy, roots, &provider()).unwrap();
    let name = ServerName::try_from(name).unwrap();
    verifier.verify_server_cert(&chain[0], &chain[1..], &name, &[], now()).map(drop)
}

fn check_client(policy: &Policy, chain: &[Der], roots: &[Der]) -> Verdict {
    let verifier = client_verifier(policy, roots, &provider()).unwrap();
    verifier.verify_client_cert(&chain[0], &chain[1..], now()).map(drop)
}

#[track_caller]
fn assert_refused(verdict: Verdict, alert: i32, text: &str) {
    let error = failure::error(&verdict.expect_err(text), true);
    assert_eq!(error.code(), alert, "{error}");
    assert!(error.message().contains(text), "{error}");
}

#[test]
fn both_checks_accept_the_good_and_refuse_the_bad() {
    let ca = chain!("ca.pem");
    for policy in [strict(), legacy()] {
        let server = |chain: &[Der]| check_server(&policy, chain, &ca, "localhost");
        for chain in [chain!("server.pem"), chain!("rsa.pem"), chain!("server-chain.pem")] {
            assert_eq!(server(&chain), Ok(()));
        }
        assert_eq!(check_client(&policy, &chain!("client.pem"), &ca), Ok(()));
        assert_refused(server(&chain!("expired.pem")), 45, "expired on 2021-01-01T00:00:00Z");
        assert_refused(server(&chain!("not-yet-valid.pem")), 45, "before 2110-01-01T00:00:00Z");
        assert_refused(server(&chain!("wrong-ca.pem")), 48, "nobody whom this side trusts");
        assert_refused(server(&chain!("forged.pem")), 51, "a signature is wrong");
        assert_refused(server(&chain!("wrong-usage.pem")), 43, "serverAuth");
        assert_refused(server(&chain!("issued-by-not-a-ca.pem")), 46, "none of an authority");
        let other = server(&chain!("other-name.pem"));
        assert_refused(other, 42, "not for localhost, but for ");
        let client = check_client(&policy, &chain!("server.pem"), &ca);
        assert_refused(client, 43, "clientAuth");
        let damaged = [Der::from(b"\x30\x00".to_vec())];
        assert_refused(server(&damaged), 42, "damaged");
    }
}

#[test]
fn version_1_needs_the_legacy_check() {
    let (server, ca) = (chain!("legacy/server.pem"), chain!("legacy/ca.pem"));
    let result = check_server(&strict(), &server, &ca, "server.example.com");
    assert_refused(result, 46, "dangerous_accept_legacy_certificates");
    assert_eq!(check_server(&legacy(), &server, &ca, "server.example.com"), Ok(()));
    let other = check_server(&legacy(), &server, &ca, "localhost");
    assert_refused(other, 42, "not for localhost, but for server.example.com");
    assert_eq!(check_client(&legacy(), &chain!("legacy/client.pem"), &ca), Ok(()));
}

#[test]
fn names_can_be_left_out_and_nothing_else() {
    for policy in [strict(), legacy()] {
        let policy = Policy { names: false, ..policy };
        let check = |chain: &[Der]| check_server(&policy, chain, &chain!("ca.pem"), "example.net");
        assert_eq!(check(&chain!("server.pem")), Ok(()));
        assert_refused(check(&chain!("expired.pem")), 45, "expired");
    }
}

#[test]
fn depth_is_limited_in_both_checks() {
    let ca = chain!("ca.pem");
    for policy in [strict(), legacy()] {
        let check = |depth, chain: &[Der]| {
            let policy = Policy { depth: Some(depth), ..policy.clone() };
            check_server(&policy, chain, &ca, "localhost")
        };
        let chain = chain!("server-chain.pem");
        assert_refused(check(0, &chain), 46, "more than 0 intermediate certificates");
        assert_eq!(check(1, &chain), Ok(()));
        assert_eq!(check(0, &chain!("server.pem")), Ok(()));
        // What a peer sends without need does not count.
        let more = [chain!("server-chain.pem"), chain!("not-a-ca.pem"), ca.clone()].concat();
        assert_eq!(check(1, &more), Ok(()));
        assert_refused(check(0, &more), 46, "more than 0");
    }
}

#[test]
fn short_ways_are_bounded() {
    let mut many = Vec::new();
    for _ in 0..12 {
        many.push(Blueprint::middle("a", "a", Key::Middle).build());
    }
    let leaf = Blueprint::leaf("a", Key::Middle).build();
    assert_eq!(short_ways(&leaf, &many, 5).len(), 100);
    assert_eq!(short_ways(&leaf, &many, 1).len(), 13);
    assert_eq!(short_ways(&leaf, &many, 0), [Vec::new()]);
    assert!(short_ways(&b"".as_slice().into(), &many, 5).is_empty());
}

#[test]
fn roots_must_be_there_and_readable() {
    let code = |policy: &Policy, roots: &[Der]| {
        let of_servers = server_verifier(policy, roots, &provider()).map(drop);
        assert_eq!(of_servers, client_verifier(policy, roots, &provider()).map(drop));
        of_servers.map_err(|error| error.code())
    };
    let bad = Der::from(b"no certificate".to_vec());
    for policy in [strict(), legacy()] {
        assert_eq!(code(&policy, &[]), Err(TlsFailure::Settings as i32));
        assert_eq!(code(&policy, std::slice::from_ref(&bad)), Err(TlsFailure::Format as i32));
        assert_eq!(code(&policy, &[bad.clone(), chain!("ca.pem").remove(0)]), Ok(()));
        let policy = with_callback(policy, |_, verdict| verdict.is_err());
        assert_eq!(code(&policy, &[]), Ok(()));
        assert_eq!(check_server(&policy, &chain!("server.pem"), &[], "localhost"), Ok(()));
        assert_eq!(check_client(&policy, &chain!("client.pem"), &[]), Ok(()));
    }
    assert!(server_verifier(&unverified(), &[], &provider()).is_ok());
}

#[test]
fn clients_are_told_whom_the_server_trusts() {
    let version_1 = Blueprint { version: 1, extensions: vec![], ..Blueprint::root() }.build();
    let roots = [chain!("ca.pem").remove(0), version_1];
    for (policy, mandatory) in
        [(strict(), true), (legacy(), true), (Policy { mode: VerifyMode::Peer, ..strict() }, false)]
    {
        let verifier = client_verifier(&policy, &roots, &provider()).unwrap();
        let subjects = verifier.root_hint_subjects();
        assert_eq!(subjects.len(), 2);
        for (subject, root) in subjects.iter().zip(&roots) {
            assert_eq!(subject.as_ref(), Certificate::parse(root).unwrap().subject);
        }
        assert_eq!(verifier.client_auth_mandatory(), mandatory);
        assert!(verifier.offer_client_auth());
        assert!(format!("{verifier:?}").contains("callback: false"));
    }
}

#[test]
fn callbacks_decide_and_are_told_the_verdict() {
    let ca = chain!("ca.pem");
    for policy in [strict(), legacy()] {
        let check = |callback: fn(&[u8], &Result<()>) -> bool, chain: &[Der]| {
            check_server(&with_callback(policy.clone(), callback), chain, &ca, "localhost")
        };
        let (good, bad) = (chain!("server.pem"), chain!("expired.pem"));
        assert_eq!(check(|_, verdict| verdict.is_ok(), &good), Ok(()));
        assert_eq!(check(|_, verdict| verdict.is_err(), &bad), Ok(()), "it may accept anything");
        assert_refused(check(|_, _| false, &good), 49, "the verify callback says no");
        assert_refused(check(|_, _| false, &bad), 45, "expired");
        let panics = check(|_, _| panic!("out of cheese"), &good);
        assert_refused(panics, 46, "the verify callback panicked: out of cheese");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let policy = with_callback(policy.clone(), {
            let seen = Arc::clone(&seen);
            move |leaf, verdict| {
                seen.lock().unwrap().push((leaf.to_vec(), verdict.clone()));
                true
            }
        });
        check_server(&policy, &bad, &ca, "localhost").unwrap();
        check_client(&policy, &chain!("client.pem"), &ca).unwrap();
        let seen = seen.lock().unwrap();
        assert_eq!(seen[0].0, bad[0].as_ref());
        assert!(seen[0].1.as_ref().unwrap_err().message().contains("expired on 2021"));
        assert_eq!(seen[1], (chain!("client.pem")[0].to_vec(), Ok(())));
    }
}

#[test]
fn version_1_certificates_on_both_sides_shake_hands() {
    let ca = chain!("legacy/ca.pem");
    for version in BOTH_VERSIONS {
        let mut sides = Sides::new(version, legacy_server(), &legacy(), &ca);
        sides.of_clients = Some(client_verifier(&legacy(), &ca, &provider()).unwrap());
        let client = identity(file!("legacy/client.pem"), file!("legacy/client.pem"));
        sides.client = Arc::new(Identities(vec![client]));
        assert_eq!(sides.shake_hands("server.example.com"), (Ok(()), Ok(())));
        let sides = Sides::new(version, legacy_server(), &strict(), &ca);
        let (client, server) = sides.shake_hands("server.example.com");
        assert_refused(client, 46, "dangerous_accept_legacy_certificates");
        assert_refused(server, 1046, "certificate_unknown");
        // A callback accepts what rustls cannot even read.
        let sides =
            Sides::new(version, legacy_server(), &with_callback(strict(), |_, _| true), &ca);
        assert_eq!(sides.shake_hands("server.example.com"), (Ok(()), Ok(())));
    }
}

#[test]
fn modern_certificates_shake_hands() {
    let ca = chain!("ca.pem");
    for version in BOTH_VERSIONS {
        for policy in [strict(), legacy(), unverified()] {
            for server in [
                identity(file!("server.pem"), file!("server.key")),
                identity(file!("rsa.pem"), file!("rsa-pkcs8.key")),
                identity(file!("server-chain.pem"), file!("server-chain.key")),
            ] {
                let sides = Sides::new(version, server, &policy, &ca);
                assert_eq!(sides.shake_hands("localhost"), (Ok(()), Ok(())));
            }
        }
    }
}

#[test]
fn names_choose_the_identity_in_handshakes() {
    for version in BOTH_VERSIONS {
        let mut sides = Sides::new(version, legacy_server(), &strict(), &chain!("ca.pem"));
        sides.server = Arc::new(Identities(vec![
            identity(file!("server.pem"), file!("server.key")),
            identity(file!("other-name.pem"), file!("other-name.key")),
        ]));
        assert_eq!(sides.shake_hands("other.example.com"), (Ok(()), Ok(())));
    }
}

#[test]
fn clients_without_certificates_are_refused_only_if_one_is_required() {
    let ca = chain!("ca.pem");
    for version in BOTH_VERSIONS {
        for policy in [strict(), legacy()] {
            for (mode, required) in [(VerifyMode::Peer, false), (VerifyMode::Require, true)] {
                let server = identity(file!("server.pem"), file!("server.key"));
                let mut sides = Sides::new(version, server, &strict(), &ca);
                let policy = Policy { mode, ..policy.clone() };
                sides.of_clients = Some(client_verifier(&policy, &ca, &provider()).unwrap());
                let (client, server) = sides.shake_hands("localhost");
                if required {
                    assert_refused(server, 116, "shows no certificate");
                    assert_refused(client, 1116, "requires a certificate");
                } else {
                    assert_eq!((client, server), (Ok(()), Ok(())));
                }
            }
        }
    }
}

/// Shows a certificate whose key it does not have.
#[derive(Debug)]
struct Impostor(Arc<CertifiedKey>);

impl Impostor {
    fn new(chain: Vec<Der>, key: &Identity) -> Arc<Impostor> {
        Arc::new(Impostor(Arc::new(CertifiedKey::new(chain, Arc::clone(&key.key.key)))))
    }
}

impl rustls::server::ResolvesServerCert for Impostor {
    fn resolve(&self, _hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

impl rustls::client::ResolvesClientCert for Impostor {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[test]
fn clients_must_have_their_keys() {
    let key = identity(file!("server.pem"), file!("server.key"));
    let rsa = identity(file!("rsa.pem"), file!("rsa-pkcs8.key"));
    for version in BOTH_VERSIONS {
        for policy in [strict(), legacy(), with_callback(strict(), |_, _| true)] {
            for (chain, ca, key) in [
                (chain!("client.pem"), chain!("ca.pem"), &key),
                (chain!("legacy/client.pem"), chain!("legacy/ca.pem"), &rsa),
            ] {
                if ca == chain!("legacy/ca.pem") && policy.callback.is_none() && !policy.legacy {
                    continue; // the certificate itself is refused
                }
                let mut sides = Sides::new(version, Arc::clone(&rsa), &unverified(), &[]);
                sides.of_clients = Some(client_verifier(&policy, &ca, &provider()).unwrap());
                sides.client = Impostor::new(chain, key);
                let (client, server) = sides.shake_hands("localhost");
                assert_refused(server, 51, "a signature is wrong");
                assert_refused(client, 1051, "does the key belong to the certificate?");
            }
        }
    }
}

#[test]
fn impostors_are_refused_whatever_is_verified() {
    let ec = identity(file!("client.pem"), file!("client.key"));
    let rsa = identity(file!("rsa.pem"), file!("rsa-pkcs8.key"));
    let legacy_server = legacy_server();
    let roots = [chain!("ca.pem"), chain!("legacy/ca.pem")].concat();
    for version in BOTH_VERSIONS {
        for policy in [strict(), legacy(), unverified(), with_callback(strict(), |_, _| true)] {
            for (chain, key) in [
                (chain!("server.pem"), &ec),
                (chain!("rsa.pem"), &ec),
                (chain!("server.pem"), &rsa),
                (chain!("legacy/server.pem"), &rsa),
            ] {
                let mut sides = Sides::new(version, legacy_server.clone(), &policy, &roots);
                sides.server = Impostor::new(chain, key);
                let (client, _) = sides.shake_hands("server.example.com");
                assert!(client.is_err(), "{version:?} {policy:?}");
            }
            let mut sides = Sides::new(version, legacy_server.clone(), &policy, &roots);
            sides.server = Impostor::new(chain!("server.pem"), &ec);
            assert_refused(sides.shake_hands("server.example.com").0, 51, "a signature is wrong");
        }
    }
}

#[test]
fn strangers_are_accepted_only_without_verification() {
    for version in BOTH_VERSIONS {
        let roots = chain!("ca.pem");
        let sides = Sides::new(version, legacy_server(), &unverified(), &[]);
        assert_eq!(sides.shake_hands("example.net"), (Ok(()), Ok(())));
        let sides = Sides::new(version, legacy_server(), &legacy(), &roots);
        let (client, server) = sides.shake_hands("server.example.com");
        assert_refused(client, 48, "nobody whom this side trusts issued it");
        assert_refused(server, 1048, "unknown_ca");
    }
}

#[test]
fn old_signatures_are_not_for_tls_13() {
    let schemes = provider().signature_verification_algorithms.supported_schemes();
    let (new, old): (Vec<_>, Vec<_>) =
        schemes.into_iter().partition(|&one| possession::is_scheme_of_13(one));
    assert!(new.contains(&SignatureScheme::RSA_PSS_SHA256));
    assert!(new.contains(&SignatureScheme::ECDSA_NISTP256_SHA256));
    assert!(new.contains(&SignatureScheme::ED25519));
    assert!(old.contains(&SignatureScheme::RSA_PKCS1_SHA256));
    assert!(old.iter().all(|scheme| format!("{scheme:?}").contains("PKCS1")), "{old:?}");
    assert!(!possession::is_scheme_of_13(SignatureScheme::ECDSA_SHA1_Legacy));
}

#[test]
fn plain_text_is_no_tls() {
    let server = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Identities(vec![legacy_server()])));
    let server = Arc::new(server);
    for text in ["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "hello, this is a chat\n"] {
        let mut server = ServerConnection::new(Arc::clone(&server)).unwrap();
        server.read_tls(&mut text.as_bytes()).unwrap();
        assert_refused(server.process_new_packets().map(drop), 50, "does not speak TLS");
    }
}

#[test]
fn no_certificate_panics() {
    let roots = [chain!("ca.pem"), chain!("legacy/ca.pem")].concat();
    let (good, old) = (chain!("server-chain.pem"), chain!("legacy/server.pem"));
    let name = ServerName::try_from("localhost").unwrap();
    let mut random = Random::new(5);
    for policy in [strict(), legacy(), Policy { depth: Some(0), ..strict() }] {
        let of_servers = server_verifier(&policy, &roots, &provider()).unwrap();
        let of_clients = client_verifier(&policy, &roots, &provider()).unwrap();
        for _ in 0..200 {
            let mut chain = [good.clone(), old.clone()].concat();
            for certificate in &mut chain {
                if random.below(2) == 0 {
                    *certificate = random.damage(certificate).into();
                }
            }
            let first = random.below(3);
            chain.swap(0, first);
            let _ = of_servers.verify_server_cert(&chain[0], &chain[1..], &name, &[], now());
            let _ = of_clients.verify_client_cert(&chain[0], &chain[1..], now());
        }
    }
}
