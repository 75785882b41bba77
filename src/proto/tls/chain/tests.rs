//! Chains of the fixtures, and those of the files in `certs`.

use core::time::Duration;

use super::super::certificate::certificates;
use super::fixtures::*;
use super::*;
use crate::proto::random::Random;

type Der = CertificateDer<'static>;

macro_rules! file {
    ($name:literal) => {
        certificates(include_bytes!(concat!("../../../../certs/", $name))).unwrap()
    };
}

const YEAR_2030: u64 = 1_893_456_000;

fn algorithms() -> &'static Algorithms {
    rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.all
}

fn verify_with(
    chain: &[Der],
    roots: &[Der],
    change: impl FnOnce(&mut Check<'_>),
) -> Result<(), CertificateError> {
    let roots = Roots::new(roots);
    let now = UnixTime::since_unix_epoch(Duration::from_secs(YEAR_2030));
    let algorithms = algorithms();
    let mut check = Check { roots: &roots, purpose: Purpose::Server, depth: None, now, algorithms };
    change(&mut check);
    check.verify(&chain[0], &chain[1..])
}

fn verify(chain: &[Der], roots: &[Der]) -> Result<(), CertificateError> {
    verify_with(chain, roots, |_| {})
}

#[track_caller]
fn assert_refused(result: Result<(), CertificateError>, text: &str) {
    let error = result.expect_err(text);
    assert!(error.to_string().contains(text) || format!("{error:?}").contains(text), "{error:?}");
}

#[test]
fn good_chains_are_accepted() {
    assert_eq!(verify(&file!("legacy/server.pem"), &file!("legacy/ca.pem")), Ok(()));
    assert_eq!(verify(&file!("server.pem"), &file!("ca.pem")), Ok(()));
    assert_eq!(verify(&file!("rsa.pem"), &file!("ca.pem")), Ok(()));
    assert_eq!(verify(&file!("server-chain.pem"), &file!("ca.pem")), Ok(()));
    let client = |check: &mut Check<'_>| check.purpose = Purpose::Client;
    assert_eq!(verify_with(&file!("client.pem"), &file!("ca.pem"), client), Ok(()));
    assert_eq!(verify_with(&file!("legacy/client.pem"), &file!("legacy/ca.pem"), client), Ok(()));
}

#[test]
fn strangers_and_forgers_are_refused() {
    let ca = file!("ca.pem");
    let unknown = Err(CertificateError::UnknownIssuer);
    assert_eq!(verify(&file!("legacy/server.pem"), &ca), unknown);
    assert_eq!(verify(&file!("wrong-ca.pem"), &ca), unknown);
    assert_eq!(verify(&file!("server.pem"), &[]), unknown);
    assert_eq!(verify(&file!("server-chain.pem")[..1], &ca), unknown);
    assert_eq!(verify(&file!("forged.pem"), &ca), Err(CertificateError::BadSignature));
    let root = Blueprint::root().build();
    let forged = Blueprint::leaf("root", Key::Middle).build();
    assert_eq!(
        verify(std::slice::from_ref(&forged), std::slice::from_ref(&root)),
        Err(CertificateError::BadSignature)
    );
    // Two roots of one name: the one whose key fits counts.
    let other = Blueprint { key: Key::Middle, signer: Key::Middle, ..Blueprint::root() }.build();
    assert_eq!(verify(&[forged], &[root, other]), Ok(()));
}

#[test]
fn every_certificate_must_be_valid_now() {
    assert!(matches!(
        verify(&file!("expired.pem"), &file!("ca.pem")),
        Err(CertificateError::ExpiredContext { .. })
    ));
    assert!(matches!(
        verify(&file!("not-yet-valid.pem"), &file!("ca.pem")),
        Err(CertificateError::NotValidYetContext { .. })
    ));
    let late = "250101000000Z";
    let root = || Blueprint::root().build();
    let old_root = Blueprint { until: late, ..Blueprint::root() }.build();
    let middle = Blueprint::middle("middle", "root", Key::Root);
    let old_middle = Blueprint { until: late, ..middle }.build();
    let below_root = Blueprint::leaf("root", Key::Root).build();
    let below_middle = Blueprint::leaf("middle", Key::Middle).build();
    for result in [
        verify(&[below_root], std::slice::from_ref(&old_root)),
        verify(&[below_middle, old_middle], &[root()]),
        verify(std::slice::from_ref(&old_root), std::slice::from_ref(&old_root)),
    ] {
        assert!(matches!(result, Err(CertificateError::ExpiredContext { .. })), "{result:?}");
    }
    let not_after = |seconds: u64| {
        move |check: &mut Check<'_>| {
            check.now = UnixTime::since_unix_epoch(Duration::from_secs(2_208_988_800 + seconds));
        }
    };
    let chain = [Blueprint::leaf("root", Key::Root).build()];
    assert_eq!(verify_with(&chain, &[root()], not_after(0)), Ok(()), "the last second counts");
    assert_refused(verify_with(&chain, &[root()], not_after(1)), "ExpiredContext");
}

#[test]
fn roots_are_authorities_because_the_user_says_so() {
    let leaf = || [Blueprint::leaf("root", Key::Root).build()];
    let root = |version, extensions| Blueprint { version, extensions, ..Blueprint::root() };
    assert_eq!(verify(&leaf(), &[root(1, vec![]).build()]), Ok(()));
    assert_eq!(verify(&leaf(), &[root(3, vec![key_usage(true)]).build()]), Ok(()));
    for extensions in [vec![no_authority()], vec![authority(None), key_usage(false)]] {
        let result = verify(&leaf(), &[root(3, extensions).build()]);
        assert_refused(result, "CN=root issued another one");
    }
    assert_eq!(verify(&leaf(), &[root(3, vec![authority(Some(0))]).build()]), Ok(()));
    let chain = [
        Blueprint::leaf("middle", Key::Middle).build(),
        Blueprint::middle("middle", "root", Key::Root).build(),
    ];
    let result = verify(&chain, &[root(3, vec![authority(Some(0))]).build()]);
    assert_refused(result, "more authorities below CN=root");
    let pinned = leaf();
    assert_eq!(verify(&pinned, &pinned), Ok(()), "a leaf among the roots");
}

#[test]
fn intermediates_must_say_that_they_are_authorities() {
    let ca = file!("ca.pem");
    assert_refused(verify(&file!("issued-by-not-a-ca.pem"), &ca), "it is none of an authority");
    let root = [Blueprint::root().build()];
    let below = |version, extensions| {
        let middle = Blueprint::middle("middle", "root", Key::Root);
        let middle = Blueprint { version, extensions, ..middle }.build();
        verify(&[Blueprint::leaf("middle", Key::Middle).build(), middle], &root)
    };
    assert_eq!(below(3, vec![authority(None), key_usage(true)]), Ok(()));
    assert_eq!(below(3, vec![authority(Some(0)), extended_key_usage(1)]), Ok(()));
    assert_refused(below(1, vec![]), "CN=middle is of an old version");
    assert_refused(below(2, vec![authority(None)]), "CN=middle is of an old version");
    assert_refused(below(3, vec![]), "CN=middle issued another one");
    assert_refused(below(3, vec![no_authority()]), "CN=middle issued another one");
    let wrong_usage = below(3, vec![authority(None), key_usage(false)]);
    assert_refused(wrong_usage, "CN=middle issued another one");
    assert_refused(below(3, vec![authority(None), extended_key_usage(2)]), "InvalidPurpose");
    assert_refused(below(3, vec![extension(19, true, b"\x05\x00")]), "BadEncoding");
    assert_refused(below(3, vec![authority(None), authority(None)]), "BadEncoding");
    let names = extension(30, false, b"\x30\x00");
    assert_refused(below(3, vec![authority(None), names]), "UnhandledCriticalExtension");
}

#[test]
fn leaves_must_be_for_their_use() {
    let ca = file!("ca.pem");
    let client = |check: &mut Check<'_>| check.purpose = Purpose::Client;
    assert_refused(verify(&file!("wrong-usage.pem"), &ca), "server authentication");
    assert_eq!(verify_with(&file!("wrong-usage.pem"), &ca, client), Ok(()));
    assert_refused(verify_with(&file!("server.pem"), &ca, client), "client authentication");
    let root = [Blueprint::root().build()];
    let leaf = |extensions| {
        let leaf = Blueprint::leaf("root", Key::Root);
        verify(&[Blueprint { version: 3, extensions, ..leaf }.build()], &root)
    };
    assert_refused(leaf(vec![extended_key_usage(3)]), "InvalidPurpose");
    assert_refused(leaf(vec![extension(99, true, b"\x05\x00")]), "UnhandledCriticalExtension");
    assert_eq!(leaf(vec![extension(99, false, b"\x05\x00")]), Ok(()));
    assert_refused(leaf(vec![extension(37, false, b"\x05\x00")]), "BadEncoding");
}

#[test]
fn depth_is_limited() {
    const NAMES: [&str; 7] = ["m0", "m1", "m2", "m3", "m4", "m5", "m6"];
    let root = [Blueprint::root().build()];
    let chain = |length: usize| {
        let mut chain = Vec::new();
        let mut issuer = ("root", Key::Root);
        for name in &NAMES[..length] {
            chain.insert(0, Blueprint::middle(name, issuer.0, issuer.1).build());
            issuer = (name, Key::Middle);
        }
        chain.insert(0, Blueprint::leaf(issuer.0, issuer.1).build());
        chain
    };
    assert_eq!(verify(&chain(6), &root), Ok(()));
    assert_refused(verify(&chain(7), &root), "more than 6 intermediate certificates");
    let limit = |depth| move |check: &mut Check<'_>| check.depth = Some(depth);
    assert_eq!(verify_with(&chain(0), &root, limit(0)), Ok(()));
    assert_refused(verify_with(&chain(1), &root, limit(0)), "more than 0 intermediate");
    assert_eq!(verify_with(&chain(2), &root, limit(2)), Ok(()));
    assert_refused(verify_with(&chain(3), &root, limit(2)), "more than 2 intermediate");
    assert_refused(verify_with(&chain(7), &root, limit(99)), "more than 6 intermediate");
    let mut mixed = chain(3);
    mixed[1..].reverse();
    assert_eq!(verify(&mixed, &root), Ok(()), "the order of intermediates does not matter");
}

#[test]
fn circles_end_and_work_is_bounded() {
    let circle = [
        Blueprint::leaf("a", Key::Middle).build(),
        Blueprint::middle("a", "b", Key::Middle).build(),
        Blueprint::middle("b", "a", Key::Middle).build(),
    ];
    let root = [Blueprint::root().build()];
    assert_eq!(verify(&circle, &root), Err(CertificateError::UnknownIssuer));
    // Self-issued ones of the same name and key sign each other in every order.
    let mut many = vec![Blueprint::leaf("a", Key::Middle).build()];
    for _ in 0..12 {
        many.push(Blueprint::middle("a", "a", Key::Middle).build());
    }
    assert_refused(verify(&many, &root), "intermediate certificates");
}

#[test]
fn no_input_panics() {
    let good = file!("server-chain.pem");
    let legacy = file!("legacy/server.pem");
    let roots = [file!("ca.pem"), file!("legacy/ca.pem")].concat();
    let mut random = Random::new(4);
    let mut accepted = 0;
    for _ in 0..300 {
        let mut chain = good.clone();
        let index = random.below(2);
        chain[index] = random.damage(&good[index]).into();
        accepted += usize::from(verify(&chain, &roots).is_ok());
        let damaged = Der::from(random.damage(&legacy[0]));
        accepted += usize::from(verify(std::slice::from_ref(&damaged), &roots).is_ok());
        let _ = verify(&legacy, &[random.damage(&roots[1]).into()]);
        let length = random.below(80);
        let _ = verify(&[random.bytes(length).into()], &[damaged]);
    }
    // Damage that leaves the bytes as they were is possible, but rare.
    assert!(accepted < 10, "{accepted}");
}
