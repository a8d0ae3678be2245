//! Italian.

use super::{Kind, Language};

pub const WORDS: Language = Language {
    kinds: &[
        (Kind::PasswordHash, "parola chiave, parola d ordine, chiave accesso, parola ordine"),
        (
            Kind::Secret,
            "chiave privata, chiave segreta, chiave api, domanda segreta, risposta segreta, \
            codice segreto",
        ),
        (Kind::Token, "gettone, codice attivazione, codice invito, sessione"),
        (
            Kind::Email,
            "posta elettronica, posta, pec, indirizzo email, indirizzo mail, indirizzo posta, pec email, \
            indirizzo pec",
        ),
        (
            Kind::Phone,
            "telefono, cellulare, tel cell, cell, num telefono, numero telefono, recapito, \
            recapito telefonico, recapiti, telefono casa, telefono fisso, numero cellulare, num cellulare, \
            recapito tel",
        ),
        (
            Kind::Account,
            "conto corrente, conto, codice iban, coordinate bancarie, numero conto, num conto, \
            conto bancario, iban appoggio, cc bancario",
        ),
        (Kind::Card, "carta credito, carta di credito, numero carta, num carta, carta"),
        (
            Kind::NationalId,
            "codice fiscale, codicefiscale, cod fiscale, codfiscale, cod fisc, cf, tessera sanitaria, \
                numero tessera sanitaria, carta identita, carta d identita, numero carta identita, \
                num carta identita, patente guida, numero patente, num patente, matricola studente, \
                codice sanitario, numero polizza, num polizza, polizza",
        ),
        (
            Kind::TaxId,
            "piva, partita iva, p iva, partitaiva, part iva, codice rea, codicerea, numero rea, \
            rea numero, rea",
        ),
        (
            Kind::Passport,
            "passaporto, numero passaporto, num passaporto, numero documento, num documento, \
            documento identita, documento di identita, numero doc, num doc",
        ),
        (Kind::Plate, "targa, targa auto, targa veicolo, telaio, numero telaio, num telaio"),
        (
            Kind::ExternalId,
            "codice cliente, cod cliente, numero cliente, num cliente, codice socio, numero socio, \
            num socio, matricola, numero tessera, num tessera, codice fornitore, codice dipendente, tessera",
        ),
        (
            Kind::Birth,
            "nascita, data nascita, data di nascita, datanascita, data nasc, luogo nascita, luogo di nascita, \
                luogonascita, comune nascita, comune di nascita, provincia nascita, anno nascita, stato nascita, \
                nato il, nato a, eta, citta nascita, dt nascita, compleanno",
        ),
        (Kind::Gender, "sesso, genere persona, stato civile, titolo cortesia, appellativo"),
        (
            Kind::FullName,
            "nominativo, nome completo, nome cognome, nome e cognome, cognome nome, cognome e nome, nomecognome, \
                intestatario, intestatario conto, destinatario, referente, persona contatto, contatto nome, \
                titolare, beneficiario, coniuge, tutore, legale rappresentante, rappresentante legale, nome padre, \
                nome madre, paternita, medico, medico curante, firmatario, mittente, delegato, contatto emergenza, \
                proprietario, firma nome, amministratore, accompagnatore, genitore, nome titolare, nome referente, \
                nome cliente",
        ),
        (Kind::FirstName, "nome proprio, secondo nome, nome battesimo"),
        (Kind::LastName, "cognome, cognomi, cognome nubile, cognome da nubile"),
        (Kind::NamePart, "iniziali"),
        (Kind::Username, "utente, nome utente, nomeutente, soprannome, creato da, modificato da, inserito da, utenza"),
        (
            Kind::Company,
            "ragione sociale, ragionesociale, rag sociale, azienda, ditta, nome azienda, denominazione, \
            denominazione sociale, societa, intestazione, datore lavoro",
        ),
        (
            Kind::Street,
            "indirizzo, via, civico, numero civico, num civico, residenza, domicilio, indirizzo residenza, \
                indirizzo spedizione, indirizzo fatturazione, indirizzo domicilio, recapito postale, \
                casella postale, scala, interno, piazza, n civico",
        ),
        (Kind::City, "citta, comune, localita, frazione, paese residenza, comune residenza, citta residenza"),
        (Kind::Postcode, "cap, codice postale, cod postale, codice avviamento postale, cap residenza"),
        (Kind::Ip, "indirizzo ip"),
        (Kind::Mac, "indirizzo mac"),
        (Kind::Device, "id dispositivo, dispositivo id"),
        (Kind::Geo, "latitudine, longitudine, coordinate gps"),
        (Kind::Url, "sito web, sitoweb, sito internet, sito personale"),
        (
            Kind::Photo,
            "foto, fotografia, immagine profilo, foto profilo, foto tessera, firma, firma digitale, \
            firma file, impronta, impronta digitale",
        ),
        (
            Kind::Health,
            "salute, diagnosi, allergie, allergia, intolleranze, intolleranza, allergie intolleranze, disabilita, \
                invalidita, gruppo sanguigno, patologia, patologie, malattia, malattie, terapia, terapie, farmaci, \
                farmaco, anamnesi, sintomi, gravidanza, vaccini, referto, ricovero, data decesso, decesso, \
                prescrizione, esame medico, cartella clinica",
        ),
        (
            Kind::Belief,
            "religione, confessione, fede, orientamento politico, sindacato, iscrizione sindacale, \
            partito",
        ),
        (Kind::Origin, "nazionalita, cittadinanza, etnia, paese origine, madrelingua, permesso soggiorno"),
        (
            Kind::Salary,
            "stipendio, salario, retribuzione, paga, paga oraria, compenso, reddito, reddito annuo, ral, \
            stipendio lordo, busta paga",
        ),
        (
            Kind::FreeText,
            "nota, note, annotazione, annotazioni, commento, commenti, osservazione, osservazioni, messaggio, \
                messaggi, oggetto, richiesta, richieste, richieste speciali, motivo, causale, motivazione, \
                risposta, reclamo, reclami, suggerimenti, testo libero, note aggiuntive, informazioni aggiuntive, \
                informazioniaggiuntive, osserv, recensione testo, segnalazione, dicitura",
        ),
        (Kind::Document, "preferenze, impostazioni, parametri, dati, valore, metadati, opzioni, dati aggiuntivi"),
    ],
    plain: "nome file, nome prodotto, nome tabella, nome campo, nome server, nome banca, banca, nome gruppo, \
        nome paese, tipo documento, numero fattura, num fattura, numero ordine, numero serie, tipo carta, \
        carta tipo, codice paese, codice lingua, codice destinatario, aliquota iva, capitale sociale, \
        carta fedelta tipo, nome evento, nome corso, capienza, via libera, utente id, conto contabile, conteggio, \
        stato conto, scadenza carta, causale codice, tipo contratto, dati tipo",
    heads: "tipo, stato, quantita, attivo, inviato, verificato, importo, valuta, id, lingua, totale, ordine, \
        colore, livello, data, scadenza, obbligatorio",
    firsts: "tipo, stato, numero di, quantita, qta, totale, codice, cod, id, importo, livello, percentuale, limite, \
        flag, consenso, is",
    known: "provincia, regione, nazione, paese, stato, mansione, ruolo, professione, qualifica, turno, reparto, \
        settore, zona, canale, tipologia, lingua, valuta, marca, modello, colore, banca, codice, riferimento, foro, \
        ubicazione, incarico, livello, unita, specializzazione, scuola, corso, classe, gruppo, progressivo, marche, \
        capitale",
    people: "cliente, clienti, utente, utenti, ospite, ospiti, paziente, pazienti, dipendente, dipendenti, \
        personale, fornitore, fornitori, socio, soci, contatto, contatti, anagrafica, anagrafiche, persona, \
        persone, studente, studenti, docente, docenti, medico, medici, dottore, dottori, educatore, iscritto, \
        iscritti, autista, autisti, autore, autori, operatore, operatori, agente, agenti, alunni, alunno, genitori, \
        candidati, partecipanti, beneficiari, impiegato, impiegati, lavoratori, referenti",
    places: "negozio, negozi, magazzino, magazzini, filiale, filiali, sede, sedi, camera, camere, citta, comune, \
        comuni, provincia, province, regione, regioni, nazione, nazioni, paese, paesi, stanza, stanze, ufficio, \
        uffici, stazione, stazioni, scuola, scuole, ospedale, reparto, reparti, luogo, luoghi",
    catalogue: "prodotto, prodotti, articolo, articoli, categoria, categorie, tipo, tipi, ruolo, ruoli, servizio, \
        servizi, corso, corsi, libro, libri, gruppo, gruppi, marca, marche, evento, eventi, attivita, modello, \
        modelli, listini, aliquote, piatti, genere, generi, lingue, valute, esami",
    talk: "messaggio, messaggi, commento, commenti, prenotazione, prenotazioni, ordine, ordini, documento, \
        documenti, fattura, fatture, richiesta, richieste, intervento, interventi, recensione, recensioni, \
        pagamento, pagamenti, reclamo, reclami, appuntamento, appuntamenti, segnalazioni, movimenti, bonifici, \
        visita, visite, donazioni, spese",
    name: "nome, nomi",
    title: "titolo",
    description: "descrizione, contenuto, testo, dettaglio, corpo",
    glue: "nome, numero, num, codice, cod, data, luogo, cliente, contatto, titolare, residenza, spedizione, casa, \
        ufficio, id, utente, valore, auto",
};
