use super::*;

/// Parses, and compares what is meant as `Display` shows it.
fn check(text: &str, expect: &str) {
    let info = Conninfo::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(info.redacted(), expect, "{text}");
}

fn problems(text: &str) -> Vec<String> {
    Conninfo::parse(text).expect_err(text).problems().to_vec()
}

#[test]
fn both_forms() {
    for (text, expect) in [
        ("postgres://ann:s3cret@db/shop", "host=db port=5432 user=ann dbname=shop sslmode=prefer password=***"),
        ("postgresql://ann@db:6432", "host=db port=6432 user=ann dbname=ann sslmode=prefer"),
        ("postgres://ann@[::1]:6432/x", "host=::1 port=6432 user=ann dbname=x sslmode=prefer"),
        ("postgres://ann@[::1]/x", "host=::1 port=5432 user=ann dbname=x sslmode=prefer"),
        ("postgres://ann@%2Frun%2Fpg/x", "host=/run/pg port=5432 user=ann dbname=x sslmode=prefer"),
        ("postgres:///x?host=/run/pg&user=ann", "host=/run/pg port=5432 user=ann dbname=x sslmode=prefer"),
        ("postgres://a%20n:p%40w@db/d%C3%A9", "host=db port=5432 user='a n' dbname=dé sslmode=prefer password=***"),
        ("postgres://ann@db/x?sslmode=require", "host=db port=5432 user=ann dbname=x sslmode=require"),
        ("postgres://ann@db/x?ssl=true", "host=db port=5432 user=ann dbname=x sslmode=require"),
        ("postgres://ann@db/x?sslrootcert=/ca.pem", "host=db port=5432 user=ann dbname=x sslmode=verify-full"),
        ("sslrootcert=system sslmode=verify-ca user=a", "host=localhost port=5432 user=a dbname=a sslmode=verify-ca"),
        ("host = db user='it\\'s' dbname = 'a b'", "host=db port=5432 user='it\\'s' dbname='a b' sslmode=prefer"),
        ("user=a\\ b host=''", "host=localhost port=5432 user='a b' dbname='a b' sslmode=prefer"),
        ("  user=a\n port=1 ", "host=localhost port=1 user=a dbname=a sslmode=prefer"),
        ("user=a user=b", "host=localhost port=5432 user=b dbname=b sslmode=prefer"),
    ] {
        check(text, expect);
    }
}

#[test]
fn what_is_displayed_parses_again() {
    let info = Conninfo::parse("user='it\\'s \\\\' dbname=x host=/tmp").unwrap();
    check(&info.redacted(), &info.redacted());
}

#[test]
fn the_password_is_read_and_never_shown() {
    for text in ["postgres://ann:p%40w@db/x", "user=ann password=p@w", "postgres://db/x?user=ann&password=p%40w"] {
        let info = Conninfo::parse(text).unwrap();
        assert_eq!(info.password.as_deref(), Some("p@w"));
        for shown in [format!("{info}"), format!("{info:?}"), format!("{info:#?}"), info.redacted()] {
            assert!(!shown.contains("p@w"), "{shown}");
            assert!(shown.contains("password=***"), "{shown}");
        }
    }
}

#[test]
fn a_slip_in_the_quoting_shows_no_piece_of_a_password() {
    for text in [
        "postgres://ann:hunter/Two@db/x",
        "postgres://ann:hunter?Two@db/x",
        "postgres://ann:hunter?Two=x@db/x",
        "postgres://ann:hunter%Two@db/x",
        "host=db user=ann password=hunter Two",
        "host=db user=ann password='hunter Two",
        "host=db user=ann password=hunter Two=3",
    ] {
        let e = Conninfo::parse(text).expect_err(text);
        for shown in [format!("{e}"), format!("{e:?}")] {
            assert!(!shown.contains("hunter") && !shown.contains("Two"), "{text}: {shown}");
        }
    }
}

#[test]
fn all_problems_at_once() {
    assert_eq!(
        problems("user=a port=99999 sslmode=yes sslmod=x hostaddr=db keepalives_count=many sslcert=c nonsense=1"),
        [
            "unknown parameter \"sslmod\"",
            "unknown parameter \"nonsense\"",
            "sslkey: missing, as sslcert is given",
            "keepalives_count: must be a number in range",
            "port: must be a number in range",
            "hostaddr: must be an IP address",
            "sslmode: must be one of disable, prefer, require, verify-ca, verify-full",
        ]
    );
}

#[test]
fn refused() {
    for (text, expect) in [
        ("user=ann host=a,b port=1,2,3", "port: one for all hosts, or one for each"),
        ("user=ann host=a hostaddr=127.0.0.1,127.0.0.2", "hostaddr: as many as hosts, or none"),
        ("postgres://ann@a:1,b:0/x", "port: must be 1 to 65535"),
        ("postgres://ann@db/x?host", "a parameter of the URL has no \"=\""),
        ("postgres://ann@db/%ff", "dbname: not percent-encoded UTF-8 (write a % as %25)"),
        ("user=ann port=0", "port: must be 1 to 65535"),
        ("user=ann target_session_attrs=standby", "target_session_attrs: must be one of any, read-write, primary"),
    ] {
        assert_eq!(problems(text), [expect], "{text}");
    }
}

#[test]
fn several_places_of_one_server() {
    for (text, expect, read_write) in [
        ("postgres://ann@a:1,b:2/x", "host=a,b port=1,2", true),
        ("postgres://ann@a,[::1]:2/x", "host=a,::1 port=5432,2", true),
        ("postgres://ann@a,b/x?port=7", "host=a,b port=7,7", true),
        ("user=ann host=a,b dbname=x", "host=a,b port=5432,5432", true),
        ("user=ann host=a,b port=1,2 dbname=x target_session_attrs=any", "host=a,b port=1,2", false),
        ("user=ann host=a dbname=x target_session_attrs=primary", "host=a port=5432", true),
    ] {
        let info = Conninfo::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(info.redacted(), format!("{expect} user=ann dbname=x sslmode=prefer"), "{text}");
        assert_eq!(info.read_write, read_write, "{text}");
    }
    let info = Conninfo::parse("user=a host=a,b hostaddr=10.0.0.1,10.0.0.2 port=1,2").unwrap();
    let each: Vec<String> = info.each().map(|i| format!("{} {}", i.endpoint(), i.address())).collect();
    assert_eq!(each, ["a:1 10.0.0.1", "b:2 10.0.0.2"]);
    assert!(info.each().all(|i| i.each().count() == 1), "each is one place");
}

#[test]
fn defaults_and_numbers() {
    let info = Conninfo::parse("user=a").unwrap();
    assert_eq!(info.connect_timeout, Some(Duration::from_secs(10)));
    assert_eq!(info.keepalives, Some((30, 10, 3)));
    assert_eq!((info.read_write, info.channel_binding), (false, ChannelBinding::Prefer));
    let text = "user=a connect_timeout=0 keepalives=0 target_session_attrs=read-write channel_binding=require";
    let info = Conninfo::parse(text).unwrap();
    assert_eq!((info.connect_timeout, info.keepalives), (None, None));
    assert_eq!((info.read_write, info.channel_binding), (true, ChannelBinding::Require));
    let info = Conninfo::parse("user=a keepalives_idle=1 keepalives_interval=2 keepalives_count=4").unwrap();
    assert_eq!(info.keepalives, Some((1, 2, 4)));
}

#[test]
fn local_or_not() {
    for (text, expect) in [
        ("user=a", true),
        ("user=a host=/tmp", true),
        ("user=a host=127.0.0.7", true),
        ("user=a host=::1", true),
        ("user=a host=db hostaddr=127.0.0.1", true),
        ("user=a host=db", false),
        ("user=a host=localhost,::1", true),
        ("user=a host=localhost,db", false),
        ("user=a host=localhost hostaddr=10.0.0.1", false),
        ("user=a host=/tmp hostaddr=10.0.0.1", false),
    ] {
        assert_eq!(Conninfo::parse(text).unwrap().is_local(), expect, "{text}");
    }
}

#[test]
fn another_database() {
    let info = Conninfo::parse("postgres://ann:pw@db/x").unwrap().with_database("y");
    assert_eq!((info.database(), info.user(), info.password.as_deref()), ("y", "ann", Some("pw")));
}
