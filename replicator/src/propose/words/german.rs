//! German.

use super::{Kind, Language};

pub const WORDS: Language = Language {
    kinds: &[
        (Kind::PasswordHash, "passwort, kennwort, losungswort, zugangswort, passworthash, kennworthash"),
        (
            Kind::Secret,
            "geheimnis, schluessel geheim, geheim, zugangsschluessel, sicherheitsfrage, \
            sicherheitsantwort, tan",
        ),
        (Kind::Token, "sitzung, sitzungs id, sitzungsid, einladungscode, freischaltcode, aktivierungscode"),
        (Kind::Email, "mailadresse, emailadresse, mailadr, emailadr, e mailadresse"),
        (
            Kind::Phone,
            "telefon, telefonnummer, telefonnr, rufnummer, rufnr, mobil, mobilnummer, mobilnr, mobiltelefon, handy, \
                handynummer, handynr, faxnummer, faxnr, telefax, durchwahl, festnetz, notrufnummer, privattelefon, \
                diensttelefon, rueckrufnummer, telnr",
        ),
        (
            Kind::Account,
            "kontonummer, konto nr, kontonr, bankverbindung, bankkonto, bankleitzahl konto, kontoverbindung",
        ),
        (
            Kind::Card,
            "kreditkarte, kartennummer, kreditkartennummer, karten nr, kartennr, ec karte, \
            pruefziffer karte",
        ),
        (
            Kind::NationalId,
            "sozialversicherung, sozialversicherungsnummer, sv nummer, sv nr, svnr, svnummer, \
                rentenversicherungsnummer, rv nummer, versichertennummer, versichertennr, \
                krankenversicherungsnummer, kv nummer, kvnr, ahv, ahv nummer, ahv nr, ahvnr, fuehrerschein, \
                fuehrerscheinnummer, fuehrerscheinnr, ausweisnummer, ausweisnr, ausweis nr, ausweis, \
                personalausweis, personalausweisnummer, matrikelnummer, matrikelnr, schuelernummer, \
                patientennummer, patientennr, lizenznummer, versicherungsnummer, versicherungsnr, \
                aktenzeichen patient",
        ),
        (
            Kind::TaxId,
            "steuernummer, steuernr, steuer nr, steuer id, steuerid, steueridentifikationsnummer, \
                identifikationsnummer, umsatzsteuer id, ust id, ust idnr, ustid, ustidnr, uid nummer, \
                handelsregister, handelsregisternummer, hrb, idnr",
        ),
        (Kind::Passport, "reisepass, reisepassnummer, passnummer, passnr, pass nr, visumnummer, visum nr"),
        (
            Kind::Plate,
            "kennzeichen, kfz kennzeichen, kfzkennzeichen, autokennzeichen, kfz kz, kfz, wagen kz, dienstwagen kz, \
                fahrgestellnummer, fahrgestellnr, fin nummer, nummernschild",
        ),
        (
            Kind::ExternalId,
            "kundennummer, kundennr, kunden nr, kunden nummer, kdnr, kd nr, mitgliedsnummer, mitgliedsnr, \
                mitgliedsnr extern, mitglieds nr, mitgliednr, mitgliedernr, personalnummer, personalnr, \
                personal nr, persnr, mitarbeiternummer, mitarbeiternr, mandatsreferenz, debitorennummer, debitornr, \
                kreditorennummer, lieferantennummer, lieferantennr, teilnehmernummer",
        ),
        (
            Kind::Birth,
            "geburt, geburtsdatum, geburtstag, geburtsort, geburtsjahr, geburtsland, geburtszeit, geboren, \
                geboren am, gebdat, geb datum, geb dat, gebdatum, gebd, gebtag, geb ort, gebort, gebjahr, geb jahr, \
                geb, alter",
        ),
        (Kind::Gender, "geschlecht, anrede, familienstand, zivilstand, personenstand, geschl"),
        (
            Kind::FullName,
            "vollname, vollstaendiger name, ansprechpartner, kontaktperson, kontoinhaber, karteninhaber, inhaber, \
                empfaenger, empfaengername, absender, notfallkontakt, sachbearbeiter, betreuer, vormund, \
                erziehungsberechtigter, bevollmaechtigter, geschaeftsfuehrer name, arzt, hausarzt, trainer, \
                ehepartner, ehegatte, mutter, vater, unterzeichner, kundenname, mitgliedsname, lehrername, \
                patientenname, gastname, besteller, rechnungsempfaenger, lieferempfaenger, auftraggeber, \
                versicherungsnehmer, halter, fahrzeughalter, kontakt name, angehoeriger, angehoerige, bearbeiter, \
                mieter, vermieter",
        ),
        (Kind::FirstName, "vorname, vornamen, rufname, vname, vorn"),
        (Kind::LastName, "nachname, zuname, familienname, geburtsname, maedchenname, nname, nachn, ledigname"),
        (Kind::NamePart, "zweitname, namenszusatz, initialen"),
        (
            Kind::Username,
            "benutzername, benutzer, benutzer name, nutzername, anmeldename, benutzerkennung, kennung, loginname, \
                spitzname, kurzzeichen, erstellt von, geaendert von, angelegt von, bearbeitet von, geloescht von, \
                erfasst von, freigegeben von, benutzerkuerzel",
        ),
        (Kind::Company, "firma, firmenname, firmenbezeichnung, arbeitgeber, unternehmen"),
        (
            Kind::Street,
            "strasse, str, stra, strassenname, hausnummer, hausnr, haus nr, haus nummer, adresse, adressen, \
                anschrift, wohnadresse, adresszusatz, adress zusatz, adresszeile, lieferadresse, rechnungsadresse, \
                lieferanschrift, rechnungsanschrift, postfach, wohnungsnummer, stockwerk wohnung, strassennr, \
                postanschrift",
        ),
        (Kind::City, "ort, wohnort, stadt, ortschaft, ortsteil, stadtteil, gemeinde, wohnsitz, lieferort, plz ort"),
        (Kind::Postcode, "plz, postleitzahl, plz nr, lieferplz"),
        (Kind::Ip, "ip adresse, ipadresse, ip adr"),
        (Kind::Mac, "mac adresse, macadresse"),
        (Kind::Device, "geraete id, geraetekennung, geraeteid"),
        (Kind::Geo, "breitengrad, laengengrad, standort koordinaten, koordinaten, geokoordinaten"),
        (Kind::Url, "internetseite, webseite, internetadresse"),
        (Kind::Photo, "foto, lichtbild, passbild, passfoto, profilbild, portraet, unterschrift, bild unterschrift"),
        (
            Kind::Health,
            "gesundheit, gesundheitshinweise, gesundheitsdaten, diagnose, diagnosen, befund, befunde, allergie, \
                allergien, allergiehinweis, behinderung, schwerbehindert, schwerbehinderung, grad der behinderung, \
                krankheit, krankmeldung, krank, krankheiten, vorerkrankung, vorerkrankungen, blutgruppe, \
                medikament, medikamente, medikation, impfung, impfstatus, pflegegrad, unvertraeglichkeit, \
                unvertraeglichkeiten, bescheinigung, au bescheinigung, arbeitsunfaehigkeit, therapie, behandlung, \
                symptome, schwanger, anamnese, todesdatum, gestorben, sterbedatum, verstorben am, raucher, gdb",
        ),
        (
            Kind::Belief,
            "konfession, religionszugehoerigkeit, glaube, kirchensteuer, kirchensteuermerkmal, partei, \
            gewerkschaft, parteizugehoerigkeit, kirchenzugehoerigkeit",
        ),
        (
            Kind::Origin,
            "staatsangehoerigkeit, nationalitaet, herkunftsland person, herkunftsland, aufenthaltstitel, \
            muttersprache, staatsbuergerschaft, migrationshintergrund",
        ),
        (
            Kind::Salary,
            "gehalt, lohn, stundenlohn, bruttolohn, nettolohn, bruttogehalt, nettogehalt, gehaltswunsch, \
            monatslohn, einkommen, verdienst, praemie gehalt, jahresgehalt, stundensatz mitarbeiter, besoldung",
        ),
        (
            Kind::FreeText,
            "notiz, notizen, anmerkung, anmerkungen, bemerkung, bemerkungen, bem, kommentar, kommentare, nachricht, \
                nachrichten, freitext, betreff, verwendungszweck, rueckmeldung, beschwerde, mitteilung, \
                sonderwunsch, sonderwuensche, wuensche, hinweis, hinweise, absagegrund, kuendigungsgrund, \
                stornogrund, begruendung, grund, anschreiben, alter wert, neuer wert, beurteilung, antwort, frage, \
                protokolltext, buchungstext",
        ),
        (Kind::Document, "einstellungen, metadaten, zusatzdaten, eigenschaften, lebenslauf, rohdaten, zahlungsdaten"),
        (Kind::Binary, "anhang daten, dateiinhalt"),
    ],
    plain: "dateiname, tabellenname, artikelname, produktname, rechnername, spaltenname, standortname, ortszeit, \
        firmen id, kartentyp, karten typ, kreditkartentyp, telefonzentrale, telefonvorwahl, kundengruppe, \
        alterswert, altersgrenze, altersgruppe, mindestalter, hoechstalter, firmengroesse, passwort geaendert, \
        sitzungsdauer, sitzungssaal, bundesland, laenderkennzeichen, lizenztyp, ausweis typ, ausweistyp, \
        krankenkasse, name bank, bankname, ort id, mehrwertsteuer, steuersatz, steuerklasse, versandart name, \
        zahlungsart name, ortsvorwahl, konto typ, kontotyp, bestellnummer, artikelnummer, rechnungsnummer, anzahl, \
        betriebssystem, kostenstelle, hostname",
    heads: "typ, art, anzahl, datum, status, kategorie, gruppe, sprache, waehrung, betrag, menge, groesse, \
        nummer id, aktiv, stand, dauer, stufe, prozent, summe, satz, farbe, format, reihenfolge, ablauf, \
        gueltig bis, bis, seit, von bis, geaendert am, version, pflicht, id, am, bezeichnung",
    firsts: "anzahl, ist, hat, art, typ, summe, anz",
    known: "land, bundesland, abteilung, kostenstelle, funktion, beruf, position, rolle, kuerzel, liga, saison, \
        raum, quelle, hersteller, modell, herkunft, newsletter, sperre, krankenkasse, versicherung, sprache, \
        waehrung, aktion, rechner, einheit, farbe, region, bereich, dienstgrad, schicht, marke, code, referenz, \
        bank, lager, vertrag, taetigkeit, titel, schule, klasse, fach",
    people: "kunde, kunden, benutzer, nutzer, gast, gaeste, mitarbeiter, mitarbeitende, person, personen, reisende, \
        ansprechpartner, patient, patienten, schueler, mitglied, mitglieder, teilnehmer, bewerber, lieferant, \
        lieferanten, angestellter, angestellte, fahrer, lehrer, student, studenten, kontakt, kontakte, \
        versicherter, versicherte, interessenten, interessent, partner, trainer, aerzte, arzt, mieter, eltern, \
        kinder, ehemalige, spieler, autor, autoren, vertreter, kundenstamm, ehrenamtliche, spender",
    places: "standort, standorte, lager, filiale, filialen, niederlassung, niederlassungen, firma eigene, raum, \
        raeume, gebaeude, orte, stadt, staedte, land, laender, bundesland, bundeslaender, haltestelle, schule, \
        schulen, krankenhaus, markt, maerkte, werk, werke, firma, mandant, mandanten",
    catalogue: "artikel, produkt, produkte, ware, waren, sparte, sparten, kategorie, kategorien, abteilung, \
        abteilungen, mannschaft, mannschaften, gruppe, gruppen, rolle, rollen, versandart, versandarten, \
        zahlungsart, zahlungsarten, geraet, geraete, kurs, kurse, vorlage, vorlagen, einheit, einheiten, \
        veranstaltung, veranstaltungen, verlag, genre, buch, buecher, medien, tarif, tarife, leistung, leistungen, \
        steuersaetze",
    talk: "nachricht, nachrichten, bewertung, bewertungen, protokoll, protokolle, bestellung, bestellungen, \
        beitrag, beitraege, termin, termine, vorgang, vorgaenge, anfrage, anfragen, beschwerde, buchung, buchungen, \
        zahlung, zahlungen, kontakthistory, ticket, ueberweisung, rezension, aufgabe, aufgaben, krankmeldung, \
        krankmeldungen",
    name: "name, namen, nam",
    title: "titel, ueberschrift",
    description: "beschreibung, beschr, text, inhalt, langtext",
    glue: "telefon, kunden, mitglieds, rechnungs, liefer, bestell, kontakt, notfall, privat, dienstlich, \
        geschaeftlich, haus, nr, nummer, datum, name, daten, adress, haupt, neben, zweit, erst, geb, konto, karten, \
        bank, firmen, ehe, partner, personal, arbeit, schule, steuer, versicherungs, id, kennung, code, schluessel, \
        wert, hinweise, hinweis, zusatz, stamm, benutzer",
};
