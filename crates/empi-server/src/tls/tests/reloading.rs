//! Files that change while the server runs, and files that never do.

use super::*;

fn said(error: &TlsError, words: &[&str]) {
    let error = error.to_string();
    assert!(words.iter().all(|word| error.contains(word)), "{error}");
}

#[test]
fn new_files_are_taken_and_wrong_ones_leave_the_old_in_use() {
    let scene = Scene::new();
    let tls = scene.tls(&scene.config()).unwrap();
    let shown = |tls: &Tls| tls.0.kept.read().material.own().0;
    let first = shown(&tls);
    assert!(matches!(tls.reload(), Ok(Reload::Unchanged)));

    let second = scene.servers.issue_for("localhost", Use::Server, (2026, 2028));
    scene.write("server.pem", &second.certificate);
    // The key is still that of the first: somebody is in the middle of it.
    said(&tls.reload().unwrap_err(), &["server.pem", "do not belong together"]);
    assert_eq!(shown(&tls), first);
    scene.show(&second);
    assert!(matches!(tls.reload(), Ok(Reload::Taken)));
    assert_ne!(shown(&tls), first);

    let standing = shown(&tls);
    scene.write("clients.crl", "nothing of the kind");
    said(&tls.reload().unwrap_err(), &["clients.crl", "no revocation list"]);
    std::fs::remove_file(scene.file("clients.crl")).unwrap();
    said(&tls.reload().unwrap_err(), &["cannot read", "clients.crl"]);
    assert_eq!(shown(&tls), standing);
    scene.write("clients.crl", &scene.clients.revoke(&[&scene.engine]));
    assert!(matches!(tls.reload(), Ok(Reload::Taken)));
}

#[test]
fn a_look_says_once_that_files_do_not_do_and_again_when_they_are_others() {
    let scene = Scene::new();
    let tls = scene.tls(&scene.config()).unwrap();
    assert!(tls.look());
    let mut seen = Vec::new();
    for text in ["one thing", "one thing", "another"] {
        scene.write("clients.pem", text);
        assert!(!tls.look());
        seen.push(*tls.0.refused.lock());
    }
    assert!(seen[0].is_some() && seen[0] == seen[1] && seen[1] != seen[2]);
    scene.write("clients.pem", &scene.clients.pem());
    assert!(tls.look());
    assert_eq!(*tls.0.refused.lock(), None);
}

#[test]
fn the_figures_tell_until_when_and_whether_the_files_are_in_use() {
    let scene = Scene::new();
    let tls = scene.tls(&scene.config()).unwrap();
    let index = tempfile::tempdir().unwrap();
    let registry = registry_in(index.path());
    let metrics = Metrics::new(&registry);
    // 2027-01-01.
    let (expiry, day) = (1_798_761_600, NOW / 1000 / DAY_SECONDS);
    assert_eq!(tls.report(&metrics, false, None), None);
    let standing = crate::metrics::Standing { calls_running: 0, calls_refused: 0, is_ready: true };
    let figures = metrics.text(&registry, standing).unwrap();
    for line in [
        format!("empi_tls_certificate_expiry_seconds {expiry}"),
        format!("empi_tls_revocations_expiry_seconds {expiry}"),
        "empi_tls_files_current 0".to_owned(),
    ] {
        assert!(figures.lines().any(|it| it == line), "{line} in\n{figures}");
    }
    // Ten days before its end it is said, once a day.
    scene.clock.0.store((expiry - 10 * DAY_SECONDS) * 1000, Ordering::SeqCst);
    let today = expiry / DAY_SECONDS - 10;
    assert!(today > day);
    assert_eq!(tls.report(&metrics, true, None), Some(today));
    assert_eq!(tls.report(&metrics, true, Some(today)), Some(today));
}

#[test]
fn files_that_do_not_do_are_named_and_told_what_is_wrong() {
    let scene = Scene::new();
    let issue = |name, usage, years| scene.servers.issue_for(name, usage, years);
    let expired = issue("localhost", Use::Server, (2024, 2025));
    let early = issue("localhost", Use::Server, (2028, 2029));
    let client = issue("localhost", Use::Client, (2026, 2027));
    let good = issue("localhost", Use::Server, (2026, 2027));
    let number = good.number;
    let swapped = Identity { certificate: good.key.clone(), key: good.certificate.clone(), number };
    let empty = Identity { certificate: String::new(), key: good.key.clone(), number };
    let foreign =
        Identity { certificate: good.certificate.clone(), key: client.key.clone(), number };
    for (identity, words) in [
        (&expired, &["server.pem", "has expired", "2025"][..]),
        (&early, &["server.pem", "valid from", "2028"]),
        (&client, &["server.pem", "not one for servers"]),
        (&swapped, &["server.pem", "no certificate"]),
        (&empty, &["server.pem", "no certificate"]),
        (&foreign, &["server.pem", "do not belong together"]),
    ] {
        scene.show(identity);
        said(&scene.tls(&scene.config()).unwrap_err(), words);
    }
    scene.write("server.pem", &good.certificate);
    scene.write("server.key", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0LWJ5dGVz\n");
    let error = scene.tls(&scene.config()).unwrap_err();
    said(&error, &["server.key", "no private key without a password"]);
    assert!(!error.to_string().contains("c2Vj") && !format!("{error:?}").contains("c2Vj"));
    scene.show(&good);
    scene.write("clients.pem", &good.key);
    said(&scene.tls(&scene.config()).unwrap_err(), &["clients.pem", "no certificate"]);
}

#[test]
fn a_key_that_everybody_on_the_machine_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let scene = Scene::new();
    for (mode, is_taken) in [(0o600, true), (0o640, true), (0o644, false), (0o604, false)] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(scene.file("server.key"), mode).unwrap();
        match scene.tls(&scene.config()) {
            Ok(_) => assert!(is_taken),
            Err(error) => {
                assert!(!is_taken, "{error}");
                said(&error, &["server.key", "chmod"]);
            }
        }
    }
}

#[test]
fn who_must_show_a_certificate_follows_from_the_files_unless_it_is_said() {
    let plain = TlsConfig::default();
    let server = TlsConfig { certificates: Some("a".into()), ..TlsConfig::default() };
    let mutual = TlsConfig { client_authorities: Some("b".into()), ..server.clone() };
    let said = TlsConfig {
        web: Some(ShownBy::Everybody),
        grpc: Some(ShownBy::Optional),
        ..mutual.clone()
    };
    use ShownBy as S;
    for (config, expected, secure) in [
        (&plain, [S::NotEncrypted; 3], [false, false, false]),
        (&server, [S::Server; 3], [false, true, false]),
        (&mutual, [S::Everybody, S::Optional, S::Everybody], [true, true, true]),
        (&said, [S::Optional, S::Everybody, S::Everybody], [false, true, true]),
    ] {
        assert_eq!(Interface::ALL.map(|it| config.shown_by(it)), expected);
        assert_eq!(Interface::ALL.map(|it| config.insecure(it).is_none()), secure);
    }
}
