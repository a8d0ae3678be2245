//! French.

use super::{Kind, Language};

pub const WORDS: Language = Language {
    kinds: &[
        (Kind::PasswordHash, "mot de passe, motdepasse, mdp, motpasse, passe, mot passe, empreinte mdp"),
        (Kind::Secret, "cle api, cle privee, cle secrete, question secrete, reponse secrete, code secret"),
        (Kind::Token, "jeton, jetons, code activation, code invitation, cle activation"),
        (Kind::Email, "courriel, courriels, adresse mail, adresse email, mel, adresse electronique, adressemail"),
        (
            Kind::Phone,
            "tel portable, tel fixe, portable, telephone, num tel, numtel, numero telephone, tel mobile, tel pro, \
                tel perso, telecopie, gsm, fixe, num telephone, numero de telephone, tel domicile",
        ),
        (
            Kind::Account,
            "compte bancaire, numero compte, num compte, rib, numero de compte, coordonnees bancaires, \
            cle rib",
        ),
        (
            Kind::Card,
            "carte bancaire, carte credit, num carte, numero carte, carte bleue, cryptogramme, \
            numero de carte",
        ),
        (
            Kind::NationalId,
            "num secu, numero secu, secu, securite sociale, numero securite sociale, num securite sociale, nir, \
                nss, insee numero, nir assure, cni, numero cni, carte identite, carte d identite, numero identite, \
                titre sejour, num titre sejour, titre de sejour, numero permis, permis conduire, num permis, \
                permis de conduire, numero assure, num assure, ine, numero etudiant, num etudiant, \
                num dossier patient, ipp",
        ),
        (
            Kind::TaxId,
            "siret, siren, num tva, numero tva, tva intra, tva intracom, tva intracommunautaire, rcs, \
            num fiscal, numero fiscal, identifiant fiscal, num siret",
        ),
        (Kind::Passport, "passeport, num passeport, numero passeport, numero visa"),
        (
            Kind::Plate,
            "immatriculation, plaque, plaque immatriculation, num immatriculation, \
            numero immatriculation, immat",
        ),
        (
            Kind::ExternalId,
            "code client, num client, numero client, code fournisseur, numero adherent, num adherent, \
                num fournisseur, matricule, numero membre, numero fidelite, carte fidelite, num abonne, \
                numero abonne, numero salarie",
        ),
        (
            Kind::Birth,
            "naissance, date naissance, date de naissance, datenaissance, date nais, date naiss, lieu naissance, \
                lieu de naissance, lieunaissance, ddn, annee naissance, ville naissance, pays naissance, ne le, \
                naiss, age, datnaiss, dt naissance",
        ),
        (Kind::Gender, "sexe, genre personne, civilite, civ, situation familiale, situation matrimoniale, etat civil"),
        (
            Kind::FullName,
            "nom complet, nom prenom, nom et prenom, titulaire, titulaire compte, destinataire, responsable, \
                personne contact, contact nom, nom contact, beneficiaire, nom client, conjoint, nom conjoint, \
                nom pere, nom mere, tuteur, representant, representant legal, medecin, medecin traitant, \
                contact urgence, personne a prevenir, signataire, proprietaire, locataire, redacteur, auteur nom, \
                nom titulaire, demandeur, interlocuteur, nom medecin, expediteur, nomprenom",
        ),
        (Kind::FirstName, "prenom, prenoms, pnom"),
        (
            Kind::LastName,
            "nom de famille, nom famille, nom jeune fille, nom de jeune fille, nom naissance, \
            nom de naissance, nom usage, nom marital, patronyme, nom usuel, nomfamille, nom epouse",
        ),
        (Kind::NamePart, "deuxieme prenom, autres prenoms, initiales"),
        (
            Kind::Username,
            "identifiant connexion, pseudo, pseudonyme, nom utilisateur, nomutilisateur, \
            nom d utilisateur, login utilisateur, identifiant, cree par, modifie par, saisi par, surnom",
        ),
        (
            Kind::Company,
            "raison sociale, societe, raisonsociale, nom societe, employeur, nom entreprise, enseigne, \
            raison soc",
        ),
        (
            Kind::Street,
            "adresse, rue, adr, complement adresse, complement d adresse, num rue, numero rue, nom rue, voie, \
                numero voie, nom voie, adresse postale, domicile, adresse livraison, adresse facturation, \
                boite postale, bp, batiment, escalier, lieu dit, libelle voie, appartement, adresse rue, residence, \
                cedex",
        ),
        (Kind::City, "ville, commune, localite, ville residence, ville livraison, ville client"),
        (Kind::Postcode, "code postal, codepostal, cp, code post, cpostal"),
        (Kind::Ip, "adresse ip, adresseip"),
        (Kind::Mac, "adresse mac"),
        (Kind::Device, "id appareil, identifiant appareil"),
        (Kind::Geo, "coordonnees gps, coordonnees geo"),
        (Kind::Url, "site web, site internet, page perso"),
        (Kind::Photo, "photo identite, photo profil, photo d identite, trombinoscope, image profil"),
        (
            Kind::Health,
            "sante, diagnostic, groupe sanguin, traitement medical, traitements medicaux, maladie, maladies, \
                handicap, antecedents, antecedents medicaux, regime alimentaire, medicament patient, grossesse, \
                vaccination, pathologie, pathologies, arret maladie, date deces, deces, medicaments, \
                motif hospitalisation, ordonnance",
        ),
        (
            Kind::Belief,
            "confession, culte, opinion politique, syndicat, appartenance syndicale, parti politique, \
            croyance",
        ),
        (Kind::Origin, "nationalite, origine ethnique, pays naissance origine, pays origine, langue maternelle"),
        (
            Kind::Salary,
            "salaire, salaire brut, salaire net, remuneration, paie, traitement brut, revenu, revenus, \
            prime, salaire base, taux horaire, revenu annuel",
        ),
        (
            Kind::FreeText,
            "remarque, remarques, commentaire, commentaires, observation, observations, objet message, objet, \
                reponse, motif, motif refus, motif annulation, avis client, annotation, annotations, precisions, \
                consigne, consignes, instructions livraison, lettre motivation, texte libre, plainte, reclamation, \
                compte rendu, appreciation, message client, infos complementaires, information complementaire",
        ),
        (
            Kind::Document,
            "parametres, preferences, donnees, valeur, pref valeur, reglages, donnees session, \
            valeur champ",
        ),
    ],
    plain: "nom fichier, nom produit, nom depot, nom table, nom champ, nom serveur, nom commercial produit, \
        nom de domaine, num facture, numero facture, num commande, numero commande, numero serie, type carte, \
        mode reglement, taux tva, montant tva, adresse depot, ville depot, nom magasin, nom banque, banque, \
        banque nom, nom marque, nom categorie, nom pref, nom groupe, nom role, nom pays, code pays, code langue, \
        nom langue, prime code, nom court, nom projet, nom modele, genre film, date creation",
    heads: "type, statut, nombre, montant, taux, actif, valide, langue, devise, categorie, groupe, niveau, rang, \
        ordre, couleur, duree, id, envoye, verifie, active, obligatoire",
    firsts: "type, nb, nombre, id, statut, montant, taux, etat, libelle, mode, code, est, bool, date, niveau, \
        duree, flag, total, sous type",
    known: "pays, departement, fonction, metier, poste, role, service, langue, devise, reference, ref, couleur, \
        region, canal, marque, modele, banque, etat, categorie, secteur, activite, diplome, equipe, grade, classe, \
        specialite, echeance, unite, profession, prof",
    people: "client, clients, utilisateur, utilisateurs, personne, personnes, passager, passagers, employe, \
        employes, invite, invites, salarie, salaries, adherent, adherents, membre, membres, patient, patients, \
        eleve, eleves, etudiant, etudiants, contact, contacts, fournisseur, fournisseurs, agent, agents, abonne, \
        abonnes, auteur, auteurs, visiteur, visiteurs, beneficiaires, locataires, prospects, prospect, medecin, \
        medecins, enseignant, enseignants, participant, participants, societe, societes, benevole, benevoles, \
        candidat, candidats, socpeople, commerciaux, formateurs, parents, enfants, ayants droit",
    places: "depot, depots, magasin, magasins, agence, agences, etablissement, etablissements, ville, villes, pays, \
        region, departement, entrepot, entrepots, salle, salles, lieu, lieux, site, sites, gare, gares, commune, \
        communes, ecole, ecoles, hopital",
    catalogue: "article, articles, produit, produits, categorie, categories, type, types, statut, statuts, film, \
        films, livre, livres, cours, formation, formations, service, services, modele, modeles, groupe, groupes, \
        role, roles, langue, langues, taux, marque, marques, genre, genres, evenement, evenements, gabarit, plat, \
        plats, menu, menus",
    talk: "message, messages, commentaire, commentaires, avis, ticket, tickets, demande, demandes, reclamation, \
        reclamations, cotisation, cotisations, transaction, transactions, paiement, paiements, don, dons, courrier, \
        courriers, rendez vous, rdv, consultation, consultations, intervention, interventions, note de frais, \
        mailing, virements, journal",
    name: "nom, noms, libelle nom",
    title: "titre, intitule",
    description: "description, descriptif, desc, contenu, texte, corps",
    glue: "nom, num, numero, date, lieu, code, client, contact, fixe, pro, perso, livraison, facturation, id, adh, \
        adherent, utilisateur, valeur, cle",
};
