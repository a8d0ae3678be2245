use filters::mask::{MaskSpec, Setting};
use filters::policy::Class;

use super::trial::{Hides, TEXT, Trial, VARCHAR, mask_of, masked};

const XML: u32 = 142;

fn settings(text: Class, attributes: Class) -> [(&'static str, Setting); 2] {
    [("text", Setting::Class(Box::new(text))), ("attributes", Setting::Class(Box::new(attributes)))]
}

fn mask(name: &str) -> Class {
    Class::Mask { spec: MaskSpec::named(name).unwrap(), domain: None }
}

const LIKE: &str = "<[ab]( x=\"[a-z&;]{0,5}\")?>([a-z ]{0,9}|&(amp|lt|#65|x);|<b/>|<!-- [a-z-]{0,3} -->|<!\\[CDATA\\[[a-z<&]{0,4}\\]\\]>){0,3}</[ab]>";

pub fn trials() -> Vec<Trial> {
    let value = |i| format!("<a x=\"{i}\">Ann {i}<b/></a>");
    vec![
        Trial::new("xml", &[], value, LIKE).golden("xml"),
        Trial::new("xml", &settings(mask("lorem"), mask("hash")), value, LIKE).on(XML, -1).golden("xml_masked"),
        Trial::new("xml", &settings(Class::Keep, Class::Keep), |i| format!("<a>{i}<!-- --></a>"), LIKE)
            .on(VARCHAR, 104)
            .hides(Hides::No),
    ]
}

fn of(text: Class, attributes: Class, document: &str) -> String {
    let mask = mask_of(&MaskSpec::of("xml", &settings(text, attributes)), XML, -1);
    let out = String::from_utf8(masked(&mask, document.as_bytes())).unwrap();
    assert_eq!(mask.unparsable(), 0, "{document}");
    out
}

#[test]
fn what_elements_hold_goes_stays_or_is_masked() {
    use Class::{Drop, Keep};
    for (text, attributes, document, expected) in [
        (Drop, Drop, "<a x='1'>one<b>two</b> <!-- three --><?four?><![CDATA[five]]></a>", "<a><b></b></a>"),
        (
            Keep,
            Drop,
            "<?xml version=\"1.0\"?>\n<a x='1'> one <b />&amp;<![CDATA[<&]]>]</a>",
            "<a> one <b/>&amp;&lt;&amp;]</a>",
        ),
        (Drop, Keep, "<a x='1' y = \"a'b&#x22;&lt;\">one</a >", "<a x=\"1\" y=\"a'b&quot;&lt;\"></a>"),
        (Drop, Drop, "<s:a xmlns:s='urn:x' xmlns=\"urn:y\" s:z='1'/>", "<s:a xmlns:s=\"urn:x\" xmlns=\"urn:y\"/>"),
        (mask("null"), mask("null"), "<a x='1'>one</a>", "<a x=\"\"></a>"),
        (Keep, Drop, "<é>a&#233;b</é><x/>", "<é>aéb</é><x/>"),
    ] {
        assert_eq!(of(text, attributes, document), expected, "{document}");
    }
    let hash = |value: &str| {
        String::from_utf8(masked(&mask_of(&MaskSpec::named("hash").unwrap(), TEXT, -1), value.as_bytes())).unwrap()
    };
    assert_eq!(
        of(mask("hash"), mask("hash"), "<a x='&lt;'> <b> a &amp; b\n</b></a>"),
        format!("<a x=\"{}\"><b>{}</b></a>", hash("<"), hash("a & b"))
    );
}

#[test]
fn what_is_not_well_formed_is_redacted() {
    let mask = mask_of(&MaskSpec::of("xml", &settings(Class::Keep, Class::Keep)), XML, -1);
    let bad = [
        "text",
        "<a>",
        "</a>",
        "<a></b>",
        "<a><b></a></b>",
        "<a",
        "<a x>",
        "<a x=1/>",
        "<a x='1'y='2'/>",
        "<a x='<'/>",
        "<a x='1",
        "<1/>",
        "< a/>",
        "<a>&x;</a>",
        "<a>&</a>",
        "<a>&#0;</a>",
        "<a>&#xd800;</a>",
        "<!DOCTYPE a [<!ENTITY x 'y'>]><a/>",
        "<a><!-- -- --></a>",
        "<a><!-- </a>",
        "<a><![CDATA[x</a>",
        "<a/>x",
    ];
    for document in bad {
        assert_eq!(masked(&mask, document.as_bytes()), b"<redacted/>", "{document}");
    }
    for deep in ["<a>".repeat(201) + &"</a>".repeat(201), "<a>".repeat(1_000_000)] {
        assert_eq!(masked(&mask, deep.as_bytes()), b"<redacted/>");
    }
    assert_eq!(mask.unparsable(), bad.len() as u64 + 2);
}
