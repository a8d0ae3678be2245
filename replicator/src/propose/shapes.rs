//! What one value looks like. Nothing of the value is kept: what comes out is a few yes and no.

use super::{forms, numbers};

/// A form that values have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Shape {
    /// An email address and nothing else, or `Name <address>`.
    Email,
    /// A telephone number that is written like one.
    Phone,
    /// IBAN with the right check digits.
    Iban,
    /// A payment card's number.
    Card,
    /// A masked card's: some digits are stars.
    MaskedCard,
    /// A number of a person, with the right check digits.
    Person,
    /// A number of a company or a taxpayer.
    Taxpayer,
    /// EAN, ISBN: not a person's.
    Ean,
    /// IP address or network.
    Ip,
    /// MAC address.
    Mac,
    /// First and last name, or last and first with a comma.
    FullName,
    /// A first name from the lists.
    FirstName,
    /// A last name from the lists.
    LastName,
    /// A password's hash by its form: bcrypt, argon2, crypt.
    PasswordHash,
    /// A key or token by its form: JWT, PEM, known prefixes.
    Token,
    /// Letters of both cases and digits without order, as only tokens are.
    Random,
    /// A URL with a token or a password in it.
    SecretUrl,
    /// A user agent.
    Agent,
    /// A JSON object or array, XML, or another serialised value.
    Document,
    /// Several words.
    Prose,
    /// Several words, and an email address, phone number, IBAN, card or URL with a token among them.
    Telling,
    /// Street and house number.
    Street,
    /// Of a form that is nobody's: UUID, digest, version, colour, country, language, media type, file.
    Plain,
}

impl Shape {
    /// Every one, in its order.
    pub const ALL: [Shape; 23] = {
        use Shape::*;
        [
            Email,
            Phone,
            Iban,
            Card,
            MaskedCard,
            Person,
            Taxpayer,
            Ean,
            Ip,
            Mac,
            FullName,
            FirstName,
            LastName,
            PasswordHash,
            Token,
            Random,
            SecretUrl,
            Agent,
            Document,
            Prose,
            Telling,
            Street,
            Plain,
        ]
    };
}

/// The shapes of a value.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Shapes(u32);

impl Shapes {
    /// Of a value, as the type's text output has it.
    pub fn of(value: &str) -> Shapes {
        let text = value.trim();
        let mut shapes = Shapes::default();
        let mut is = |shape: Shape, yes: bool| shapes.0 |= u32::from(yes) << shape as u8;
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
        let numeric = text.bytes().all(|b| b.is_ascii_digit() || b" .-".contains(&b));
        let spaces = text.split_whitespace().count();
        is(Shape::Email, forms::email(text) || forms::named_email(text));
        is(Shape::Iban, numbers::iban(text));
        is(Shape::Card, numeric && numbers::card(&digits));
        is(Shape::MaskedCard, forms::masked_card(text));
        is(Shape::Person, numbers::person(text));
        is(Shape::Taxpayer, numbers::taxpayer(text));
        is(Shape::Ean, digits.len() == text.len() && numbers::ean(&digits));
        is(Shape::Ip, forms::ip(text));
        is(Shape::Mac, forms::mac(text));
        is(Shape::Phone, forms::phone(text, digits.len()));
        is(Shape::PasswordHash, forms::password_hash(text));
        is(Shape::Token, forms::token(text));
        is(Shape::Random, forms::random(text));
        is(Shape::SecretUrl, forms::secret_url(text));
        is(Shape::Agent, text.starts_with("Mozilla/") || text.contains(" AppleWebKit/"));
        let document = forms::document(text);
        is(Shape::Document, document);
        is(
            Shape::Prose,
            !document && spaces >= 4 && text.bytes().filter(u8::is_ascii_alphabetic).count() * 2 > text.len(),
        );
        is(Shape::Telling, (spaces >= 4 || document) && forms::telling(text));
        is(Shape::Street, forms::street(text));
        is(Shape::Plain, forms::nobodys(text));
        let (full, first, last) = forms::names(text);
        is(Shape::FullName, full);
        is(Shape::FirstName, first);
        is(Shape::LastName, last);
        shapes
    }

    /// Has it this one?
    pub fn has(self, shape: Shape) -> bool {
        self.0 & 1 << shape as u8 != 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The shapes that a value is told by.
    #[test]
    fn examples() {
        use Shape::*;
        let random = "q7Rk2ZpX9sLw4Vb8Nc3T";
        let github = format!("ghp_{random}{random}");
        for (value, expected) in [
            ("jane.doe+x@example.co.uk", &[Email][..]),
            ("Jane Doe <jane@example.org>", &[Email, FullName]),
            ("jane@localhost", &[]),
            ("+49 30 1234567", &[Phone]),
            ("(212) 555-0187", &[Phone]),
            ("2024-00012", &[]),
            ("2024-05-17", &[]),
            ("203.0.113.7", &[Ip]),
            ("2001:db8::7:1", &[Ip]),
            ("1.2.3.4", &[Plain]),
            ("00:1b:44:11:3a:b7", &[Mac]),
            ("**** **** **** 4242", &[MaskedCard]),
            ("$2b$12$abcdefghijklmnopqrstuv", &[PasswordHash]),
            (github.as_str(), &[Token, Random]),
            (random, &[Random]),
            ("d41d8cd98f00b204e9800998ecf8427e", &[Plain]),
            ("https://example.org/books/12", &[]),
            ("https://u:pw@example.org/", &[SecretUrl]),
            ("https://example.org/r?t=a1b2c3d4e5f6a7b8c9d0e1f2", &[SecretUrl]),
            ("{\"a\": [1]}", &[Document]),
            ("[removed]", &[]),
            ("Lorem ipsum dolor sit", &[Prose]),
            ("please write to jane@example.org, thanks", &[Prose, Telling]),
            ("Hauptstraße 12", &[Street]),
            ("12 rue de la Paix", &[Street, Prose]),
            ("Mary Smith", &[FullName]),
            ("Smith, Mary", &[FullName]),
            ("Mary", &[FirstName, LastName]),
            ("wooden chair", &[]),
            ("de-AT", &[Plain]),
        ] {
            let shapes = Shapes::of(value);
            let told: Vec<Shape> = Shape::ALL.into_iter().filter(|shape| shapes.has(*shape)).collect();
            let expected: Vec<Shape> = Shape::ALL.into_iter().filter(|shape| expected.contains(shape)).collect();
            assert_eq!(told, expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn total(value in "\\PC{0,60}|[0-9 .+()/-]{0,30}|[A-Z0-9]{0,40}|[a-zéß@.:/?=&{}\"-]{0,60}") {
            _ = Shapes::of(&value);
        }
    }
}
