use super::*;

fn written(form: Form, text: &str) -> Option<Vec<u8>> {
    let mut out = BytesMut::new();
    form.write(text.as_bytes(), &mut out)?;
    let (length, value) = out.split_at(4);
    assert_eq!(u32::from_be_bytes(length.try_into().unwrap()) as usize, value.len(), "{text}");
    Some(value.to_vec())
}

#[test]
fn integers() {
    for n in [0, 1, -1, 9, 10, i64::MAX, i64::MIN, i64::from(i32::MAX), i64::from(i32::MIN)] {
        assert_eq!(written(Form::Int8, &n.to_string()), Some(n.to_be_bytes().to_vec()));
    }
    assert_eq!(written(Form::Int4, "-2147483648"), Some(i32::MIN.to_be_bytes().to_vec()));
    assert_eq!(written(Form::Int2, "32767"), Some(i16::MAX.to_be_bytes().to_vec()));
    for none in
        ["", "-", "+1", " 1", "1 ", "01", "1.0", "9223372036854775808", "-9223372036854775809", "99999999999999999999"]
    {
        assert_eq!(written(Form::Int8, none), None, "{none}");
    }
    assert_eq!((written(Form::Int4, "2147483648"), written(Form::Int2, "-32769")), (None, None));
}

#[test]
fn times() {
    let day = |text: &str| time::date(text.as_bytes());
    assert_eq!((day("2000-01-01"), day("1999-12-31"), day("2000-03-01")), (Some(0), Some(-1), Some(60)));
    assert_eq!(
        (day("1970-01-01"), day("0001-01-01"), day("9999-12-31")),
        (Some(-10_957), Some(-730_119), Some(2_921_939))
    );
    for none in [
        "0000-01-01",
        "2023-02-29",
        "1900-02-29",
        "2024-13-01",
        "2024-00-10",
        "2024-04-31",
        "12024-01-01",
        "infinity",
        "2024-01-01 BC",
    ] {
        assert_eq!(day(none), None, "{none}");
    }
    let at = |text: &str| written(Form::Timestamptz, text).map(|v| i64::from_be_bytes(v.try_into().unwrap()));
    assert_eq!((at("2000-01-01 00:00:00+00"), at("2000-01-02 00:00:00.5+00")), (Some(0), Some(86_400_500_000)));
    assert_eq!(at("1999-12-31 23:59:59.999999+00"), Some(-1));
    for none in [
        "2000-01-01 00:00:00",
        "2000-01-01 00:00:00+01",
        "2000-01-01 24:00:00+00",
        "2000-01-01 00:00:60+00",
        "2000-01-01 00:00:00.+00",
        "2000-01-01 00:00:00.1234567+00",
        "-infinity",
        "2000-01-01T00:00:00+00",
    ] {
        assert_eq!(at(none), None, "{none}");
    }
}

#[test]
fn numbers() {
    let digits = |text: &str| {
        written(Form::Numeric, text)
            .map(|v| v.as_chunks::<2>().0.iter().map(|d| i16::from_be_bytes(*d)).collect::<Vec<_>>())
    };
    assert_eq!(digits("0"), Some(vec![0, 0, 0, 0]));
    assert_eq!(digits("-0.00"), Some(vec![0, 0, 0, 2]));
    assert_eq!(digits("12345.678"), Some(vec![3, 1, 0, 3, 1, 2345, 6780]));
    assert_eq!(digits("-0.0001"), Some(vec![1, -1, 0x4000, 4, 1]));
    assert_eq!(digits("10000"), Some(vec![1, 1, 0, 0, 1]));
    assert_eq!(digits("100000000.00"), Some(vec![1, 2, 0, 2, 1]));
    assert_eq!(digits("0.00000001"), Some(vec![1, -2, 0, 8, 1]));
    for none in ["", "-", ".5", "5.", "00.5", "1e5", "NaN", "Infinity", "+1", " 1", "1.2.3"] {
        assert_eq!(digits(none), None, "{none}");
    }
}

#[test]
fn the_others() {
    assert_eq!(
        (written(Form::Bool, "t"), written(Form::Bool, "f"), written(Form::Bool, "true")),
        (Some(vec![1]), Some(vec![0]), None)
    );
    assert_eq!(written(Form::Float8, "-1.5e-07"), Some((-1.5e-7f64).to_be_bytes().to_vec()));
    assert_eq!(written(Form::Float4, "0.1"), Some(0.1f32.to_be_bytes().to_vec()));
    for none in ["NaN", "Infinity", "1e400", "1e-400", "0.0", "", "e5", "inf", "0x1p3"] {
        assert_eq!(written(Form::Float8, none), None, "{none}");
    }
    let uuid = "00112233-4455-6677-8899-aabbccddeeff";
    assert_eq!(written(Form::Uuid, uuid).map(|v| v[15]), Some(0xff));
    assert_eq!(written(Form::Uuid, &uuid.to_uppercase()), None);
    assert_eq!(written(Form::Uuid, "{0112233-4455-6677-8899-aabbccddeeff"), None);
    assert_eq!((written(Form::Bytea, "\\x00ff"), written(Form::Bytea, "\\x")), (Some(vec![0, 255]), Some(vec![])));
    assert_eq!((written(Form::Bytea, "abc"), written(Form::Bytea, "\\x0")), (None, None));
}
