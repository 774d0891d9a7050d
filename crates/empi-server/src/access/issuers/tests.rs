//! Tokens that are good and tokens that are not, signed by ring; one of RFC 7515 to see that RSA is understood, too.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use empi_model::TokenHash;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use serde_json::json;

use super::*;
use crate::access::hash_token;

/// An issuer with a key of its own.
pub(crate) struct Signer(Ed25519KeyPair);

impl Signer {
    pub(crate) fn new() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }

    pub(crate) fn jwk(&self, id: &str) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref());
        json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "use": "sig", "x": x})
    }

    pub(crate) fn token(&self, header: &Value, claims: &Value) -> String {
        signed(header, claims, |bytes| self.0.sign(bytes).as_ref().to_vec())
    }
}

fn signed(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string().as_bytes());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

pub(crate) fn write_keys(file: &Path, keys: &[Value]) {
    std::fs::write(file, json!({"keys": keys}).to_string()).unwrap();
}

pub(crate) fn config(keys_file: &Path) -> IssuerConfig {
    let text = format!(
        "name = \"hie\"\nissuer = \"https://id.hie.example\"\naudience = \"empi\"\nkeys_file = {:?}\n\
         roles = [\"source\", \"reader\"]\n",
        keys_file.to_str().unwrap()
    );
    toml::from_str(&text).unwrap()
}

pub(crate) fn header() -> Value {
    json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "one"})
}

/// Claims of a token that is good from 1,000 s to 4,000 s.
pub(crate) fn claims() -> Value {
    json!({
        "iss": "https://id.hie.example", "aud": "empi", "sub": "portal-7", "iat": 1000, "exp": 4000,
        "empi_roles": ["source", "lead-steward"], "empi_domains": ["north", "south"],
    })
}

fn with(mut value: Value, name: &str, other: Value) -> Value {
    if other.is_null() {
        value.as_object_mut().unwrap().remove(name);
    } else {
        value[name] = other;
    }
    value
}

const NOW: Timestamp = Timestamp(2_000_000);

struct Served {
    _dir: tempfile::TempDir,
    file: std::path::PathBuf,
    signer: Signer,
    issuers: Issuers,
}

fn served() -> Served {
    let dir = tempfile::tempdir().unwrap();
    let (file, signer) = (dir.path().join("hie.jwks.json"), Signer::new());
    write_keys(&file, &[signer.jwk("one")]);
    let issuers = Issuers::load(&[config(&file)]).unwrap();
    Served { _dir: dir, file, signer, issuers }
}

impl Served {
    fn asked_at(&self, token: &str, now: Timestamp) -> Result<Vouched, Refused> {
        self.issuers.vouched(token, hash_token(token), now)
    }

    fn asked(&self, token: &str) -> Result<Vouched, Refused> {
        self.asked_at(token, NOW)
    }
}

#[test]
fn a_token_says_who_it_is_and_no_more_than_its_issuer_may_say() {
    let served = served();
    let vouched = served.asked(&served.signer.token(&header(), &claims())).unwrap();
    assert_eq!(vouched.name, "hie:portal-7");
    assert_eq!(vouched.roles, [Role::Source]);
    assert_eq!(vouched.domains, Domains::Only(["north".to_owned(), "south".to_owned()].into()));
    let nested = with(claims(), "empi_roles", json!("reader source"));
    let vouched = served.asked(&served.signer.token(&header(), &nested)).unwrap();
    assert_eq!(vouched.roles, [Role::Source, Role::Reader]);
}

#[test]
fn roles_are_found_inside_objects() {
    let served = served();
    let config =
        IssuerConfig { roles_claim: "realm_access.roles".to_owned(), ..config(&served.file) };
    let issuers = Issuers::load(&[config]).unwrap();
    let claims = with(claims(), "realm_access", json!({"roles": ["reader"]}));
    let token = served.signer.token(&header(), &claims);
    assert_eq!(issuers.vouched(&token, hash_token(&token), NOW).unwrap().roles, [Role::Reader]);
}

#[test]
fn what_is_wrong_with_a_token_makes_it_none() {
    let served = served();
    let another = Signer::new();
    let sign = |header: Value, claims: Value| served.signer.token(&header, &claims);
    let good = sign(header(), claims());
    let (message, _) = good.rsplit_once('.').unwrap();
    let mut other_claims = good.clone();
    other_claims.replace_range(60..61, if &good[60..61] == "A" { "B" } else { "A" });
    for (token, expected) in [
        (String::new(), Refused::NotSigned),
        ("empi_0123".to_owned(), Refused::NotSigned),
        ("a.b.c".to_owned(), Refused::NotSigned),
        (message.to_owned(), Refused::NotSigned),
        (format!("{message}."), Refused::NotGood),
        (another.token(&header(), &claims()), Refused::NotGood),
        (sign(with(header(), "alg", json!("none")), claims()), Refused::NotSigned),
        (sign(with(header(), "alg", json!("HS256")), claims()), Refused::UnknownKey),
        (sign(with(header(), "alg", json!("RS256")), claims()), Refused::UnknownKey),
        (sign(with(header(), "kid", json!("two")), claims()), Refused::UnknownKey),
        (sign(with(header(), "crit", json!(["b64"])), claims()), Refused::NotGood),
        (
            sign(header(), with(claims(), "iss", json!("https://evil.example"))),
            Refused::UnknownIssuer,
        ),
        (sign(header(), with(claims(), "iss", Value::Null)), Refused::UnknownIssuer),
        (sign(header(), with(claims(), "aud", json!("another"))), Refused::NotGood),
        (sign(header(), with(claims(), "aud", Value::Null)), Refused::NotGood),
        (sign(header(), with(claims(), "exp", Value::Null)), Refused::NotGood),
        (sign(header(), with(claims(), "iat", Value::Null)), Refused::NotGood),
        (sign(header(), with(claims(), "exp", json!(1900))), Refused::NotNow),
        (sign(header(), with(claims(), "nbf", json!(2100))), Refused::NotNow),
        (sign(header(), with(claims(), "exp", json!(4601))), Refused::TooLong),
        (sign(header(), with(claims(), "exp", json!(1e300))), Refused::NotGood),
        (sign(header(), with(claims(), "sub", json!("a/b"))), Refused::NobodyWithARole),
        (sign(header(), with(claims(), "sub", json!("a\nb"))), Refused::NobodyWithARole),
        (sign(header(), with(claims(), "sub", json!("x".repeat(200)))), Refused::NobodyWithARole),
        (
            sign(header(), with(claims(), "empi_roles", json!(["steward"]))),
            Refused::NobodyWithARole,
        ),
        (sign(header(), with(claims(), "empi_roles", Value::Null)), Refused::NobodyWithARole),
    ] {
        assert_eq!(served.asked(&token), Err(expected), "{token}");
    }
    assert!(served.asked(&other_claims).is_err());
    assert!(served.asked(&good).is_ok());
    // One of several audiences is enough, and so is a key without a name.
    assert!(served.asked(&sign(header(), with(claims(), "aud", json!(["a", "empi"])))).is_ok());
    assert!(served.asked(&sign(with(header(), "kid", Value::Null), claims())).is_ok());
}

#[test]
fn a_remembered_token_ends_when_it_says_so() {
    let served = served();
    let token = served.signer.token(&header(), &claims());
    for (now, is_good) in [
        (969_999, false),
        (970_000, true),
        (4_029_999, true),
        (4_030_000, false),
        (4_029_999, true),
    ] {
        assert_eq!(served.asked_at(&token, Timestamp(now)).is_ok(), is_good, "{now}");
    }
}

#[test]
fn a_key_that_was_taken_out_vouches_for_nobody_and_a_broken_file_changes_nothing() {
    let served = served();
    let token = served.signer.token(&header(), &claims());
    served.asked(&token).unwrap();
    std::fs::write(&served.file, "{").unwrap();
    served.issuers.look();
    served.asked(&token).unwrap();
    let another = Signer::new();
    write_keys(&served.file, &[another.jwk("one")]);
    served.issuers.look();
    assert_eq!(served.asked(&token), Err(Refused::NotGood));
    served.asked(&another.token(&header(), &claims())).unwrap();
}

#[test]
fn keys_on_curves_are_understood() {
    let document =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .unwrap();
    let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let jwk = json!({"kty": "EC", "crv": "P-256", "kid": "one", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)});
    let served = served();
    write_keys(&served.file, &[jwk]);
    served.issuers.look();
    let header = with(header(), "alg", json!("ES256"));
    let token =
        signed(&header, &claims(), |bytes| pair.sign(&random, bytes).unwrap().as_ref().to_vec());
    served.asked(&token).unwrap();
    let broken = signed(&header, &claims(), |_| vec![7; 64]);
    assert_eq!(served.asked(&broken), Err(Refused::NotGood));
}

/// The token of RFC 7515, appendix A.2, with its key.
#[test]
fn a_signature_by_rsa_is_understood() {
    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const KEY: &str = r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;
    let served = served();
    write_keys(&served.file, &[serde_json::from_str(KEY).unwrap()]);
    let config = IssuerConfig { issuer: "joe".to_owned(), ..config(&served.file) };
    let mut validation = Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.validate_exp = false;
    let keys = KeysFile::new(config.keys_file).read().unwrap();
    let key = keys.meant(None, jsonwebtoken::Algorithm::RS256).next().unwrap();
    let decoded = |token: &str| decode::<Map<String, Value>>(token, key, &validation);
    assert_eq!(decoded(TOKEN).unwrap().claims["iss"], "joe");
    assert!(decoded(&TOKEN.replace("cC4h", "cC5h")).is_err());
    // It lacks nearly all that a token must have here.
    let issuers =
        Issuers::load(&[IssuerConfig { issuer: "joe".to_owned(), ..self::config(&served.file) }]);
    let refused = issuers.unwrap().vouched(TOKEN, TokenHash([0; 32]), NOW);
    assert_eq!(refused, Err(Refused::NotGood));
}

#[test]
fn files_without_a_key_are_refused_with_their_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys.json");
    let refused = |text: &str| {
        std::fs::write(&file, text).unwrap();
        Issuers::load(&[config(&file)]).unwrap_err().to_string()
    };
    for text in [
        "",
        "[]",
        r#"{"keys": []}"#,
        r#"{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}"#,
        r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "enc", "x": "AAAA"}]}"#,
        r#"{"keys": [{"kty": "OKP", "crv": "X25519", "x": "AAAA"}]}"#,
    ] {
        assert!(refused(text).contains("keys.json"), "{text}");
    }
    let missing = Issuers::load(&[config(&dir.path().join("none.json"))]).unwrap_err();
    assert!(missing.to_string().contains("none.json"));
}
