//! Polish.

use super::{Kind, Language};

pub const WORDS: Language = Language {
    kinds: &[
        (Kind::PasswordHash, "haslo, hasla, haslo hash, skrot hasla, hash hasla"),
        (
            Kind::Secret,
            "klucz prywatny, klucz tajny, klucz api, tajny, sekret, pytanie pomocnicze, \
            odpowiedz pomocnicza, kod pin",
        ),
        (Kind::Token, "sesja, id sesji, kod aktywacyjny, kod zaproszenia, kod weryfikacyjny, zeton"),
        (Kind::Email, "adres email, adres e mail, adres mail, poczta elektroniczna, adresemail, mejl"),
        (
            Kind::Phone,
            "telefon, nr telefonu, numer telefonu, nrtelefonu, tel kom, telefon komorkowy, komorka, kom, \
            nr tel, telefon kontaktowy, telefon stacjonarny, numer tel, faks, nr faksu, telefon domowy, telefonu",
        ),
        (
            Kind::Account,
            "nr konta, numer konta, konto bankowe, rachunek bankowy, nr rachunku, numer rachunku, \
            rachunek, nrkonta, numer konta bankowego, nr konta bankowego, konta bankowego",
        ),
        (Kind::Card, "karta kredytowa, numer karty, nr karty, karta platnicza, karty platniczej"),
        (
            Kind::NationalId,
            "pesel, nr pesel, numer pesel, dowod, dowod osobisty, nr dowodu, numer dowodu, nr dowodu osobistego, \
                seria dowodu, prawo jazdy, nr prawa jazdy, numer prawa jazdy, nr ubezpieczenia, \
                numer ubezpieczenia, nr polisy, numer polisy, nr legitymacji, numer legitymacji, legitymacja, \
                nr albumu, numer albumu, nr indeksu, indeks studenta, nr pwz, pwz, numer pwz, nr kartoteki, \
                numer kartoteki, numer pacjenta, nr dokumentu, numer dokumentu, nr licencji, ekuz",
        ),
        (
            Kind::TaxId,
            "nip, nr nip, numer nip, regon, nr regon, krs, nr krs, numer identyfikacji podatkowej, \
            nip nabywcy, nip ue",
        ),
        (Kind::Passport, "paszport, nr paszportu, numer paszportu"),
        (
            Kind::Plate,
            "nr rejestracyjny, numer rejestracyjny, tablica rejestracyjna, tablice rejestracyjne, \
            numer vin, nr vin, nr nadwozia, rejestracja pojazdu",
        ),
        (
            Kind::ExternalId,
            "nr klienta, numer klienta, kod klienta, numer czlonkowski, nr czlonkowski, \
            nr pracownika, numer pracownika, nr ewidencyjny, numer ewidencyjny, numer karty stalego klienta, \
            nr abonenta, kod kontrahenta",
        ),
        (
            Kind::Birth,
            "data urodzenia, dataurodzenia, data ur, urodzenia, miejsce urodzenia, miejsceurodzenia, \
            rok urodzenia, kraj urodzenia, wiek, urodzony, urodziny, data urodz",
        ),
        (Kind::Gender, "plec, stan cywilny, zwrot grzecznosciowy, forma grzecznosciowa"),
        (
            Kind::FullName,
            "imie i nazwisko, imie nazwisko, imienazwisko, nazwisko i imie, nazwisko imie, osoba kontaktowa, \
                odbiorca, nadawca, opiekun, opiekun prawny, wlasciciel, wlasciciel konta, posiadacz karty, \
                imie ojca, imie matki, imiona rodzicow, ojciec, matka, malzonek, kontakt awaryjny, \
                osoba upowazniona, pelnomocnik, lekarz, nabywca osoba, zleceniodawca, imie klienta, platnik, \
                beneficjent, lekarz prowadzacy, podpisujacy",
        ),
        (Kind::FirstName, "imie, imiona, pierwsze imie"),
        (Kind::LastName, "nazwisko, nazwiska, nazwisko rodowe, nazwisko panienskie, nazwisko rodowe matki"),
        (Kind::NamePart, "drugie imie, drugieimie, trzecie imie, inicjaly"),
        (
            Kind::Username,
            "nazwa uzytkownika, nazwauzytkownika, uzytkownik, login uzytkownika, pseudonim, utworzyl, \
            zmodyfikowal, utworzone przez, zmienione przez, dodal, ksywa, przezwisko",
        ),
        (
            Kind::Company,
            "firma, nazwa firmy, pracodawca, nabywca, kontrahent, nazwa kontrahenta, sprzedawca, \
            nazwa pracodawcy, zleceniobiorca, dostawca nazwa",
        ),
        (
            Kind::Street,
            "ulica, ulicy, adres, adres zamieszkania, adres zameldowania, adres korespondencyjny, nr domu, \
                numer domu, nr mieszkania, numer mieszkania, nr lokalu, numer lokalu, lokal, mieszkanie, \
                adres dostawy, adres wysylki, skrytka pocztowa, nr budynku, numer budynku, ul, nrdomu, \
                nrmieszkania, adres pocztowy",
        ),
        (
            Kind::City,
            "miasto, miejscowosc, miasta, poczta miejscowosc, gmina, dzielnica, wies, \
            miejsce zamieszkania, poczta",
        ),
        (Kind::Postcode, "kod pocztowy, kodpocztowy, kod poczt, kod poczty, pocztowy"),
        (Kind::Ip, "adres ip"),
        (Kind::Mac, "adres mac"),
        (Kind::Device, "id urzadzenia, identyfikator urzadzenia, przegladarka"),
        (Kind::Geo, "szerokosc geograficzna, dlugosc geograficzna, wspolrzedne, polozenie gps"),
        (Kind::Url, "strona internetowa, strona www, strona domowa"),
        (Kind::Photo, "zdjecie, zdjecia, fotografia, podpis, odcisk palca, awatar, skan dowodu"),
        (
            Kind::Health,
            "zdrowie, stan zdrowia, rozpoznanie, diagnoza, choroba, choroby, choroby przewlekle, alergia, alergie, \
                uczulenie, uczulenia, grupa krwi, niepelnosprawnosc, leki przyjmowane, zalecenia, \
                zalecenia lekarskie, objawy, ciaza, szczepienia, wywiad, leczenie, kod icd, wynik badania, \
                wyniki badan, data zgonu, zgon, zwolnienie lekarskie, recepta, przebieg choroby, operacje, badanie",
        ),
        (Kind::Belief, "religia, wyznanie, przekonania, partia, zwiazek zawodowy, poglady polityczne"),
        (Kind::Origin, "narodowosc, obywatelstwo, pochodzenie, pochodzenie etniczne, jezyk ojczysty, karta pobytu"),
        (
            Kind::Salary,
            "pensja, wynagrodzenie, placa, zarobki, stawka godzinowa, dochod, dochody, premia, \
            pensja brutto, wynagrodzenie brutto, placa podstawowa, pensja zasadnicza",
        ),
        (
            Kind::FreeText,
            "uwaga, uwagi, komentarz, komentarze, notatka, notatki, wiadomosc, wiadomosci, temat, tresc, powod, \
                przyczyna, odpowiedz, skarga, reklamacja tresc, opinia, adnotacje, tytul przelewu, tytulem, \
                powod rezygnacji, uzasadnienie, zyczenia, dodatkowe informacje, wpis",
        ),
        (Kind::Document, "ustawienia, preferencje, dane, wartosc, parametry, metadane, dane dodatkowe, zyciorys"),
    ],
    plain: "nazwa pliku, nazwa produktu, nazwa tabeli, nazwa serwera, nazwa banku, bank, numer faktury, nr faktury, \
        numer zamowienia, nr zamowienia, typ karty, rodzaj karty, kod kraju, kod jezyka, kod kreskowy, kod ean, \
        stawka vat, kwota vat, numer seryjny, nr seryjny, nazwa grupy, nazwa miasta, adres sklepu, typ adresu, \
        typ dokumentu, rodzaj dokumentu, kod produktu, lekarz id, pacjent id, opinia id, liczba uwag, \
        wiek produktu, stan konta",
    heads: "typ, rodzaj, liczba, ilosc, status, data, kwota, aktywny, jezyk, waluta, id, kategoria, kolor, \
        kolejnosc, poziom, wyslany, zweryfikowany, procent, potwierdzony",
    firsts: "typ, rodzaj, liczba, ilosc, czy, data, kwota, suma, status, stan, max, min, id, stawka, termin, zgoda",
    known: "kraj, wojewodztwo, powiat, stanowisko, zawod, dzial, funkcja, specjalizacja, jezyk, waluta, marka, \
        model, kolor, bank, kod, gabinet, producent, dawka, rola, jednostka, szkola, klasa, grupa, poziom, region, \
        oddzial, wydzial, kierunek, symbol, skrot",
    people: "klient, klienci, uzytkownik, uzytkownicy, pacjent, pacjenci, pracownik, pracownicy, osoba, osoby, \
        kontrahent, kontrahenci, dostawca, dostawcy, student, studenci, uczen, uczniowie, nauczyciel, nauczyciele, \
        czlonek, czlonkowie, lekarz, lekarze, kierowca, kierowcy, autor, autorzy, gosc, goscie, pasazer, \
        pasazerowie, kontakt, kontakty, opiekunowie, rodzice, dzieci, uczestnicy, uczestnik, kandydaci, \
        wolontariusze, najemcy, lokatorzy",
    places: "sklep, sklepy, magazyn, magazyny, oddzial, oddzialy, miasta, kraj, kraje, wojewodztwo, wojewodztwa, \
        powiaty, gminy, pokoj, pokoje, sala, sale, biuro, biura, szkola, szkoly, szpital, szpitale, stacja, stacje, \
        placowka, placowki, budynki, lokalizacje",
    catalogue: "produkt, produkty, towar, towary, kategoria, kategorie, lek, leki, usluga, uslugi, kurs, kursy, \
        ksiazka, ksiazki, film, filmy, grupa, grupy, rola, role, marka, marki, wydarzenie, wydarzenia, szablon, \
        szablony, jezyki, waluty, przedmiot, przedmioty, stanowisko, stanowiska, dzialy, sekcje, gatunki",
    talk: "wiadomosc, wiadomosci, komentarz, komentarze, zamowienie, zamowienia, wizyta, wizyty, faktura, faktury, \
        platnosc, platnosci, zgloszenie, zgloszenia, opinia, opinie, przelew, przelewy, reklamacja, reklamacje, \
        transakcje, zadanie, zadania, rezerwacje, skargi, darowizny",
    name: "nazwa",
    title: "tytul, naglowek",
    description: "opis, zawartosc, tekst, szczegoly",
    glue: "nr, numer, kod, data, nazwa, imie, adres, id, klienta, pacjenta, uzytkownika, konta, kontaktowy, glowny, \
        domowy, sluzbowy, prywatny",
};
