//! Dutch.

use super::{Kind, Language};

pub const WORDS: Language = Language {
    kinds: &[
        (Kind::PasswordHash, "wachtwoord, paswoord, wachtwoordhash, toegangscode"),
        (Kind::Secret, "geheim, sleutel geheim, pincode, beveiligingsvraag, geheime sleutel, beveiligingsantwoord"),
        (Kind::Token, "sessie, sessie id, activatiecode, uitnodigingscode, verificatiecode"),
        (Kind::Email, "emailadres, mailadres, e mailadres, email adres"),
        (
            Kind::Phone,
            "telefoon, telefoonnummer, telefoonnr, tel nr, mobiel, mobiele nummer, mobielnummer, \
            mobiel nummer, gsmnummer, gsm nummer, vast nummer, telnummer, faxnummer, noodnummer, mobieltje, \
            vaste telefoon",
        ),
        (
            Kind::Account,
            "rekeningnummer, rekening nummer, rekeningnr, bankrekening, bankrekeningnummer, \
            bankrekeningnr, iban nummer, ibannummer, rekening",
        ),
        (Kind::Card, "creditcard, kaartnummer, creditcardnummer, bankpas, pasnummer, kaart nummer"),
        (
            Kind::NationalId,
            "bsn, burgerservicenummer, sofinummer, sofi nummer, rijksregisternummer, rijksregister, insz, \
                polisnummer, polisnr, rijbewijs, rijbewijsnummer, identiteitskaart, identiteitsnummer, id kaart, \
                patientnummer, verzekerdennummer, studentnummer, studentnr, leerlingnummer, big nummer, bignummer, \
                agb code, documentnummer, zorgverzekeringsnummer, onderwijsnummer",
        ),
        (
            Kind::TaxId,
            "btw nummer, btwnummer, btw nr, btwnr, kvk, kvk nummer, kvknummer, rsin, ondernemingsnummer, \
            fiscaal nummer, btw id",
        ),
        (Kind::Passport, "paspoort, paspoortnummer, paspoort nummer, paspoortnr"),
        (Kind::Plate, "kenteken, kentekenplaat, nummerplaat, chassisnummer"),
        (
            Kind::ExternalId,
            "klantnummer, klantnr, klant nr, klantcode, debiteurnummer, debiteurennummer, lidnummer, \
            lidnr, ledennummer, lid nummer, relatienummer, personeelsnummer, personeelsnr, medewerkersnummer, \
            medewerkerscode, crediteurnummer, abonneenummer",
        ),
        (
            Kind::Birth,
            "geboortedatum, geboorteplaats, geboorteland, geboortejaar, geboorte, geboren, geb datum, \
            gebdatum, leeftijd, verjaardag, geboortedag, geboren op",
        ),
        (Kind::Gender, "geslacht, aanhef, burgerlijke staat, burgerlijkestaat, geslachtsaanduiding"),
        (
            Kind::FullName,
            "volledige naam, volledigenaam, contactpersoon, tenaamstelling, rekeninghouder, ontvanger, afzender, \
                noodcontact, noodcontactpersoon, ondertekenaar, naam contactpersoon, kaarthouder, naam klant, \
                klantnaam, naam patient, huisarts, partner naam, naam partner, ouder, ouders, voogd, verzorger, \
                behandelaar, eigenaar, begunstigde, weergavenaam, aanvrager, werknemer naam, docentnaam, \
                medewerkernaam, verzekeringsnemer",
        ),
        (Kind::FirstName, "voornaam, voornamen, roepnaam, vnaam"),
        (
            Kind::LastName,
            "achternaam, familienaam, tussenvoegsel, tussenvoegsels, voorvoegsel, voorvoegsels, \
            meisjesnaam, geboortenaam, anaam",
        ),
        (Kind::NamePart, "voorletters, initialen, voorletter, tweede naam"),
        (
            Kind::Username,
            "gebruikersnaam, gebruiker, inlognaam, bijnaam, aangemaakt door, gewijzigd door, \
            gebruikersnaam login, toegevoegd door",
        ),
        (Kind::Company, "bedrijf, bedrijfsnaam, werkgever, organisatienaam, handelsnaam, firmanaam"),
        (
            Kind::Street,
            "straat, straatnaam, huisnummer, huisnr, huisnummertoevoeging, huisletter, adres, adresregel, \
                adresgegevens, woonadres, postadres, postbus, bezoekadres, factuuradres, afleveradres, bezorgadres, \
                toevoeging huisnummer, busnummer, toevoeging, volledig adres, verzendadres",
        ),
        (
            Kind::City,
            "woonplaats, plaats, stad, plaatsnaam, gemeente, dorp, vestigingsplaats klant, wijk, buurt, \
            postcode en plaats",
        ),
        (Kind::Postcode, "postcode, post code"),
        (Kind::Ip, "ip adres, ipadres"),
        (Kind::Mac, "mac adres"),
        (Kind::Device, "apparaat id, toestel id"),
        (Kind::Geo, "breedtegraad, lengtegraad, coordinaten"),
        (Kind::Url, "webpagina, persoonlijke website"),
        (Kind::Photo, "pasfoto, foto, profielfoto, handtekening, vingerafdruk, portret"),
        (
            Kind::Health,
            "gezondheid, diagnose, allergieen, allergie, bloedgroep, medicijnen, medicatie, ziekte, \
            ziekmelding, handicap, beperking, behandeling, klachten, dieet, zwangerschap, vaccinatie, anamnese, \
            medische gegevens, overlijdensdatum, overleden, overleden op, dieetwensen",
        ),
        (Kind::Belief, "geloof, godsdienst, religie, kerkgenootschap, politieke voorkeur, vakbond, levensovertuiging"),
        (
            Kind::Origin,
            "nationaliteit, etniciteit, herkomst, land van herkomst, moedertaal, verblijfsvergunning, \
            verblijfsstatus",
        ),
        (
            Kind::Salary,
            "salaris, loon, brutoloon, nettoloon, uurloon, inkomen, bruto salaris, bonus bedrag, \
            maandsalaris, jaarsalaris",
        ),
        (
            Kind::FreeText,
            "opmerking, opmerkingen, notitie, notities, bericht, berichten, toelichting, onderwerp, reden, klacht, \
                reactie, aantekening, aantekeningen, antwoord, bijzonderheden, motivatie, reden opzegging, vraag, \
                verslag, onderschrift, wensen, redenen, memo",
        ),
        (Kind::Document, "instellingen, voorkeuren, gegevens, waarde, metagegevens, eigenschappen, parameters"),
    ],
    plain: "bestandsnaam, tabelnaam, productnaam, servernaam, kolomnaam, factuurnummer, ordernummer, bestelnummer, \
        serienummer, btw tarief, btw percentage, btw bedrag, kaarttype, banknaam, naam bank, landcode, taalcode, \
        plaats in lijst, rekeningtype, gebruiker id, evenementnaam, groepsnaam, locatie naam, plaatsingsdatum, \
        aantal plaatsen",
    heads: "type, soort, aantal, status, datum, bedrag, actief, taal, valuta, id, categorie, kleur, volgorde, \
        niveau, verzonden, geverifieerd, percentage, nummer van",
    firsts: "aantal, is, heeft, type, soort, totaal, datum, max, min, bedrag",
    known: "land, provincie, functie, beroep, afdeling, rol, taal, valuta, merk, model, kleur, bank, code, \
        referentie, kenmerk, locatie, dienst, opleiding, school, klas, groep, ploeg, niveau, regio, afkorting, \
        sector, betaalwijze, specialisme",
    people: "klant, klanten, gebruiker, gebruikers, gast, gasten, medewerker, medewerkers, persoon, personen, lid, \
        leden, patient, patienten, student, studenten, docent, docenten, leerling, leerlingen, leverancier, \
        leveranciers, contactpersoon, contactpersonen, werknemer, werknemers, deelnemer, deelnemers, chauffeur, \
        chauffeurs, auteur, auteurs, relatie, relaties, vrijwilliger, vrijwilligers, ouders, kinderen, arts, \
        artsen, sollicitanten, abonnees, huurders, spelers",
    places: "winkel, winkels, magazijn, magazijnen, filiaal, filialen, vestiging, vestigingen, locatie, locaties, \
        kamer, kamers, land, landen, provincie, provincies, gemeente, gemeenten, stad, steden, plaatsen, kantoor, \
        kantoren, school, scholen, station, stations, ziekenhuis, gebouw, gebouwen, ruimte, zalen",
    catalogue: "product, producten, artikel, artikelen, categorie, categorieen, commissie, commissies, evenement, \
        evenementen, cursus, cursussen, groep, groepen, rol, rollen, boek, boeken, film, dienst, diensten, team, \
        teams, merk, merken, sjabloon, sjablonen, taal, talen, afdeling, afdelingen, vak, vakken, genre, tarieven, \
        klas, klassen",
    talk: "bericht, berichten, bestelling, bestellingen, afspraak, afspraken, contributie, contributies, betaling, \
        betalingen, klacht, klachten, melding, meldingen, reactie, reacties, transactie, transacties, factuur, \
        facturen, verslagen, beoordeling, beoordelingen, taak, taken, consult, consulten, aanvraag, aanvragen, \
        declaraties, donaties",
    name: "naam, namen",
    title: "titel, kop",
    description: "omschrijving, beschrijving, inhoud, tekst",
    glue: "telefoon, klant, lid, bank, contact, nood, nummer, nr, datum, naam, adres, code, id, post, gebruikers, \
        rekening, prive, werk, factuur, lever, aflever, bezorg, geboorte, plaats, patient, medewerker, personeels",
};
