//! English, and what programs say in every language. Long, because it is one list: cut by kind, nobody would see where a word
//! stands twice.

use super::{Kind, Language};

pub const WORDS: Language = Language {
    kinds: &[
        (
            Kind::PasswordHash,
            "password, passwords, passwd, passwort, pwd, passphrase, pass, passcode, password hash, passwordhash, \
                pass hash, pwd hash, password salt, pass salt, salt, hashed password, encrypted password, pswd, \
                login hash",
        ),
        (
            Kind::Secret,
            "secret, secrets, api key, apikey, api keys, private key, privatekey, access key, consumer key, \
                consumer secret, client secret, secure key, signing key, encryption key, auth key, webservices key, \
                service key, master key, license key, licence key, product key, recovery code, recovery codes, \
                backup codes, backup code, otp, otp secret, totp, totp secret, totp key, mfa, two factor, 2fa, pin, \
                pin code, credential, credentials, security question, security answer, secret question, \
                secret answer, password hint, pwd hint, encrypted value, encrypted key, key hash, hashed key, \
                truncated key, psk, seed phrase, mnemonic, secret data, api token, apitoken, imap password, \
                smtp password, bot token, key alt",
        ),
        (
            Kind::Token,
            "token, tokens, confirm hash, protect code, access token, refresh token, auth token, authtoken, \
                session id, sessionid, session key, sessionkey, session token, sid, jwt, csrf, nonce, cookie, \
                cookies, activation key, activationkey, confirmation code, confirm code, confirm key, \
                verification code, verify code, auth code, authorization code, invite code, invitation code, \
                invite token, referral code, access code, reset code, reset key, magic link, unsubscribe key, \
                confirmation, pushkey, push key, ssh key, public uuid, secure identifier, code challenge, \
                fingerprint, gpg id, gpgid, gpg key, pgp key, update key, updatekey, validation key, tracker key, \
                token hash, token digest, gift code, voucher pin, signature key, login key, auto login, \
                invitation key, share key, digest key",
        ),
        (
            Kind::SecretUrl,
            "webhook url, webhook, webhooks, hook url, payload url, ical url, import url, encrypted url, \
                meeting url, join url, signed url, download url, reset url, invite url, mandate url, slack webhook, \
                callback token url, zoom url, clone url, magic url, feed url",
        ),
        (
            Kind::Outward,
            "smtp, smtp host, smtp server, smtp address, smtp config, smtp settings, smtp url, mail host, mail server, mailserver, \
                mail relay, outgoing server, imap host, imap server, callback url, callback uri, notify url, notification url, \
                endpoint url, endpoint uri, api url, api base url, gateway url, gateway endpoint, push url, ping url",
        ),
        (
            Kind::Email,
            "email, emails, email id, e mail, mail, mails, emailaddress, email address, mail address, mailaddress, \
                email addr, eml, eml addr, e mail address, send to, mailto, email to, email from, reply to, \
                replyto, to address, from address, from addr, cc addresses, to addr, recipients, cc, bcc, \
                cc confirm, sender address, bcc address, recipient email, paypal email",
        ),
        (
            Kind::Phone,
            "phone, phones, telephone, tel, mobile, mobil, mobile no, cell, cellphone, cell phone, cell number, \
                fax, whatsapp, msisdn, phn, ph, ph no, ph number, phonenumber, phone number, phone no, phonecell, \
                phonehome, phonework, homephone, mobilephone, workphone, sms number, caller id, telno, tel no, mob, \
                mob no, mob number, gsm, landline, contact number, contact no, fon, telnr, direct dial, pager, \
                cellular, telefax, caller number, called number, sim number, callerid, fone",
        ),
        (
            Kind::Account,
            "iban, bban, account number, account no, acct no, acct number, bank account, bank ac, bank acct, \
                bank ac no, bank account number, bank account no, acc number, acc no, ac no, direct deposit, \
                sort account, rib, deposit acct, deposit account, payout account, sepa, clabe, acct, bank details",
        ),
        (
            Kind::Card,
            "card number, cardnumber, card no, cardno, credit card, creditcard, credit card number, cc number, \
                cc num, cc no, pan, last4, last four, last 4, card last4, card last, cc last, last digits, \
                card digits, cc last 4, cvv, cvc, cvv2, csc, card fingerprint, payment card, debit card, card num, \
                cc enc, masked pan, card token, last4digits, ccnumber, ccnum",
        ),
        (
            Kind::NationalId,
            "ssn, ss, social security, social security number, social security no, social insurance, sin, nin, \
                nino, ni number, national id, national insurance, national identification, national identity, \
                national id number, nationalid, nationalidnumber, identity number, identity card, id number, \
                idnumber, id card, id card number, id no, idno, identification id, identification number, \
                identification no, identification, identifier number, personal number, personal id, personnummer, \
                aadhaar, aadhar, drivers license, driver license, driving licence, driving license, driver licence, \
                license number, licence number, license no, licence no, license plate no, drivers license no, \
                document number, document no, medical record, medical record number, mrn, nhs number, nhs no, npi, \
                upin, patient identifier, patient number, patient no, patient id number, health insurance number, \
                insurance number, insurance no, policy number, policy no, group number, member identifier, \
                medicare, medicaid, resident number, citizen id, citizen number, permit no, permit number, \
                student number, student no, student id, matriculation, known traveler, known traveller, \
                birth certificate, voter id, pps number, emirates id, nric, hkid, curp, green card, alien number, \
                enrollment no, roll no, registration no",
        ),
        (
            Kind::TaxId,
            "tax id, taxid, tin, tax number, tax no, taxno, tax identification, tax identification number, \
                tax identifier, vat, vat id, vatid, vat number, vat no, vat reg, taxvat, ein, federal ein, fein, \
                federal tax id, federaltaxid, ustid, gstin, gst number, gst no, abn, company registry, \
                company number, registration number, company registration, trade register, taxcode, \
                tax code number, taxpayer, taxpayer id",
        ),
        (
            Kind::Passport,
            "passport, passport number, passport no, passport id, passportno, passportnumber, visa number, visa no, \
                visa id, mrz, travel document, passenger document",
        ),
        (
            Kind::Plate,
            "license plate, licence plate, plate number, plate no, number plate, vin, vin number, vin no, \
                registration plate, car plate, vehicle plate, vehicle registration, chassis, chassis number, \
                chassis no, numberplate, licenseplate, vehicle identification number",
        ),
        (
            Kind::ExternalId,
            "customer profile id, payment profile id, federated user id, external uid, extern uid, external id, \
                externalid, external identifier, provider uid, provider user, provider id, google id, googleid, \
                facebook id, facebookid, github id, twitter id, apple id, apple sub, microsoft id, linkedin id, \
                instagram id, discord id, telegram id, openid, open id, ldap id, ldap dn, ldap sid, ldap uid, \
                oauth uid, oauth id, auth uid, sso id, saml id, xid, stripe customer, stripe customer id, \
                customer profile, payment profile, customer number, customer no, customer num, customernumber, \
                customer code, cust no, cust number, cust num, custnr, custno, client number, client code, \
                client no, member number, member no, member num, membership number, membership no, employee number, \
                employee no, employee id number, employee code, staff number, staff no, badge no, badge number, \
                badge id, loyalty number, loyalty card, frequent flyer, frequent flyer no, frequent flyer number, \
                account code, federated user, personnel number, personnel no, guest number, subscriber number, pnr, \
                pnr locator, unique id, mandate reference, custom id, customid, gateway customer, user external id, \
                google contacts id, contacts id, supplier account, vendor account, authenticated userid, \
                authenticated user",
        ),
        (
            Kind::Birth,
            "birth, birthday, birthdate, birth date, birth dt, birth year, year of birth, month of birth, \
                birthplace, birth place, place of birth, born, born on, date of birth, dateofbirth, dob, birthtime, \
                birth time, birth country, birth city, birth town, age, age years, birthyear, bday, b day, \
                birthday mmdd, date birth",
        ),
        (
            Kind::Gender,
            "gender, sex, pronouns, pronoun, salutation, civility, marital, marital status, maritalstatus, \
                maritial status, title of courtesy, courtesy title, honorific, name prefix, gender identity, \
                civil status, civilstatus, gndr, gender cd, gender code, sex code, pax title, marital state",
        ),
        (
            Kind::FullName,
            "full name, from name, fullname, real name, realname, display name, displayname, legal name, \
                contact name, customer name, client name, guest name, passenger name, patient name, student name, \
                teacher name, doctor name, employee name, staff name, member name, person name, owner name, holder, \
                holder name, cardholder, card holder, cardholder name, account holder, name on card, cc owner, \
                card owner, acc holder, recipient, recipient name, addressee, signatory, signed by, signee, \
                emergency contact, contact person, person to be contacted, author name, reviewer name, reviewer, \
                sender name, sender full name, requester name, requester, attendee, attendee name, attendees, \
                billing name, shipping name, beneficiary, beneficiary name, next of kin, nok, kin, guardian, \
                guardian name, guardians name, mother name, mothers name, mother maiden name, father name, \
                fathers name, parent name, child name, children names, spouse, spouse name, partner contact, \
                dependent name, dependant name, counterparty name, counterparty, debtor name, creditor name, payee, \
                payee name, payer, payer name, cust nm, customer nm, pax name, composer, writer, tenant name, \
                visitor name, invitee name, manager name, supervisor name, agent name, buyer name, seller name, \
                driver name, doctor, physician, contact full name, billing contact, greeting name, companion name, \
                companion, assistant, referred by, referrer name, nurse name, author full name, lawyer name, \
                insured name, subscriber name, policy holder, policyholder, account owner, delivery name, \
                donor name, sponsor name, witness, translator",
        ),
        (
            Kind::FirstName,
            "first name, firstname, first nm, fname, fnm, given name, givenname, given names, forename, forenames, \
                preferred name, first, christian name, frst nm, nick given, first name kana, preferredname, \
                firstnames",
        ),
        (
            Kind::LastName,
            "last name, lastname, last nm, lname, lnm, family name, familyname, surname, maiden name, maidenname, \
                birth name, birthname, name last, sur name, mothers maiden name, family name2, sname, former name, \
                previous name",
        ),
        (
            Kind::NamePart,
            "middle name, middlename, mname, middle initial, mi, initials, name suffix, alternate name, \
                alternatename, alternative name, name kana, phonetic name, name phonetic, other names, other name, \
                middle nm",
        ),
        (
            Kind::Username,
            "username, user name, login, logins, login name, loginname, login id, loginid, nickname, nick, \
                nick name, screen name, screenname, handle, twitter, instagram, facebook, linkedin, skype, icq, \
                msn, jabber, aim, snapchat, tiktok, telegram, discord, slack id, messenger id, preferred username, \
                lower name, user login, userlogin, jabberid, mastodon, youtube, googleplus, xing, pinterest, yahoo, \
                gamertag, psn, steam id, screen nm, sam account name, samaccountname, os user, created by, \
                updated by, modified by, deleted by, approved by, changed by, acknowledged by, assigned to, \
                invited by, installed by, uploaded by, requested by, submitted by, reported by, reviewed by, \
                closed by, last modified by, owned by, performed by, entered by, added by, uploader, usr id, \
                user nm, usr nm, usrname, subdomain user, system username, userid name, inbound user, \
                outbound user, smtp user, smtpuser, imap login, smtp login, ipmi username, mail user, db user, \
                dbuser, svn user, usernm, account login, portal user name, channel handle, original author",
        ),
        (
            Kind::Company,
            "company, company name, companyname, company legal name, employer, employer name, organisation name, \
                organization name, business name, firm, firm name, partner name, vendor name, supplier name, \
                customer company, billing company, ship name, trading name, workplace, last employer, \
                subscriber employer, current employer, legal entity name",
        ),
        (
            Kind::Street,
            "street, streets, street name, street number, street no, street nr, streetnr, street address, address, \
                addresses, address line, address ln, addressline, addr, addr ln, addrs, addrline, line1, line2, \
                line3, house number, house no, house nr, housenumber, house name, apartment, apt, apt no, \
                apt number, flat no, flat number, unit number, suite, building number, po box, postal addr, \
                address extra, street unit, supplemental address, address full, full address, home address, \
                mailing address, postal address, permanent address, current address, shipping address, \
                billing address, delivery address, ship address, residence, contact address, adr, home addr, \
                street2, start address, end address, pickup address, dropoff address, location address, \
                formatted address, landmark, residential address, geolocation address",
        ),
        (
            Kind::City,
            "city, town, city name, city village, village, suburb, hometown, home town, cty, municipality, \
                locality, neighborhood, neighbourhood, place of residence, home city, billing city, shipping city, \
                ship city, location city",
        ),
        (
            Kind::Postcode,
            "zip, zipcode, zip code, zip cd, postal code, postalcode, postcode, post code, postal, pincode, \
                postal zip, billing zip, eircode, postal code suffix, zip plus4, zip4",
        ),
        (
            Kind::Ip,
            "ip, ips, ipaddr, ipaddress, ip address, ip addresses, ip addr, ipv4, ipv6, remote addr, \
                remote address, remote ip, client ip, x forwarded for, forwarded for, lastip, last ip, location ip, \
                ip range, ip range start, ip range end, user ip, peer address, host ip, from ip, source ip, src ip, \
                dst ip, ban ip, subnet",
        ),
        (Kind::Mac, "mac, mac address, macaddr, mac addr, macaddress, wifi mac, bluetooth address, bt addr, bssid"),
        (
            Kind::Device,
            "user agent, useragent, agent string, browser agent, comment agent, device id, deviceid, device uuid, \
                device token, device fingerprint, device description, device display name, device name, \
                advertising id, idfa, gaid, adid, imei, imsi, iccid, sim iccid, meid, push token, pushtoken, \
                fcm token, apns token, push id, pushid, registration token, last browser, lastbrowser, browser, \
                visitor id, anonymous id, client uuid, tracking client id, tracking id, machine id, hardware id, \
                android id, browser fingerprint, user agents, login device, last activity device, ua, \
                useragent string, client agent, http user agent, rfid, rfid tag, nfc tag, hwid",
        ),
        (
            Kind::Geo,
            "latitude, longitude, lat, lng, lon, geo, geom, geog, geopoint, geolat, geolong, geo point, geo lat, \
                geo lng, geo lon, geo code, home lat, home lon, coordinates, coords, gps, gps lat, gps lng, \
                location lat, location lng, location lon, geolocation, geo location, polyline, start location, \
                end location, current location, last location, geohash, spatial location, maps lat, maps lng, \
                home tile, latlng, latlon, position lat, gps coordinates, long, pickup location, dropoff location, \
                track points",
        ),
        (
            Kind::Url,
            "website, web site, homepage, home page, referer, referrer, http referer, http referrer, referer url, \
                referrer url, user url, profile url, author url, website url, linkedin url, facebook url, \
                twitter url, personal url, blog url, page url, portfolio, portfolio url, web, www, also known as, \
                reported from url, attribution url, landing page, current url, last url, requested url, \
                request url, visited url",
        ),
        (
            Kind::Photo,
            "photo, photos, avatar, avatars, picture, pictures, profile image, profile picture, profile pic, \
                profile photo, portrait, selfie, headshot, mugshot, face, avatar url, avatarurl, photo url, \
                photourl, photo path, cover image, cover photo, user image, user avatar, header file name, \
                passport photo, front image, back image, id scan, signature image, fingerprint image, face image, \
                biometric, pic, thumbnail photo, signature file",
        ),
        (
            Kind::Health,
            "health, diagnosis, diagnoses, medical, medical history, surgical history, medication, medications, \
                medicine, allergy, allergies, allergen, coded allergen, non coded allergen, disability, \
                disabilities, disabled, dietary, dietary requirements, diet, meal code, blood type, blood group, \
                bloodtype, bloodgroup, blood, blood grp, sexual orientation, illness, sick, sick leave, sickleave, \
                sick days, symptom, symptoms, complaint medical, treatment, prescription, prescriptions, bmi, \
                pulse, blood pressure, heart rate, oxygen saturation, pregnancy, pregnant, smoker, smoking, \
                tobacco, alcohol use, drug use, drug, dosage, deceased, deceased date, death date, date of death, \
                deceased reason, cause of death, died on, death, vaccination, vaccine, immunization, wheelchair, \
                special needs, mental health, hiv, disorder, disease, icd, health details, veteran, veteran status, \
                homeless, condition non coded, clinical notes, lab result, test result, handicap, handicapped, \
                therapy, medical conditions, body weight, onset date",
        ),
        (
            Kind::Belief,
            "religion, religious, faith, denomination, political, politics, political party, party affiliation, \
                union member, trade union, politically exposed, political view, church, caste, union membership, \
                pep, philosophy of life",
        ),
        (
            Kind::Origin,
            "ethnicity, ethnic, ethnoracial, ethnic group, race, nationality, nationality country, citizenship, \
                nationality iso, country of birth, immigration status, origin country person, native language, \
                tribe, migrant",
        ),
        (
            Kind::Salary,
            "salary, wage, wages, base salary, base pay, pay rate, hourly rate, hourly wage, annual income, \
                monthly income, income, bonus, ctc, compensation, payrate, household income, gross pay, net pay, \
                gross salary, net salary, commission rate person, hourly pay, credit score",
        ),
        (
            Kind::FreeText,
            "note, notes, value from, value to, comment, comments, message, messages, remark, remarks, memo, \
                feedback, transcript, bio, biography, about me, special request, special requests, \
                special instructions, delivery instructions, request text, answer, answers, complaint, complaints, \
                free text, freetext, wishes, subject, body, raw, cooked, user note, customer note, internal note, \
                internal notes, admin note, private note, public note, note private, note public, billing note, \
                additional note, reason, cancel reason, ban reason, edit reason, void reason, retire reason, \
                leaving reason, blocked reason, decline reason, rejection reason, absence reason, \
                reason for leaving, justification, registration reason, search query, search term, \
                keyword searched, referer keyword, caption user, spoiler text, signature text, signature html, \
                message text, message html, comment text, body text, strengths, areas for improvement, \
                manager feedback, family background, interests, hobbies, remittance, memo text, reply text, \
                complaint text, post text, old text, personal message, donation message, feedback message, \
                response message, change message, evidence text, cover letter, resume text, query text, \
                question text, user input, utterance, prompt, completion, chat, gift message, description private, \
                customer details, old value, new value, invite message, appraisal, opinion, testimonial, \
                purpose of visit, next step, last log, moderation comment, moderation response, payment reference, \
                narrative, minutes",
        ),
        (
            Kind::Document,
            "metadata, meta data, payload, preferences, settings, options, option value, meta value, config value, \
                configvalue, field value, custom value, custom fields, custom field, custom attributes, \
                additional attributes, additional data, additional information, extra data, extra, session data, \
                session value, sessdata, session, raw data, rawdata, request body, response body, request content, \
                response content, payload content, event data, event payload, serialized, object changes, changes, \
                long value, info data, provider config, login attributes, user settings, ui settings, data json, \
                json data, params, parameters, variables, socialnetworks, social networks, social media, resume, \
                curriculum vitae, cv, properties, visualization settings, dataset query, notification settings, \
                attributes json, search vector, fulltext, form data, state data, trip data, request headers, \
                response headers, http headers, details json, geo data, raw message, raw request, raw response, \
                cookies json, before state, after state",
        ),
        (Kind::Binary, "attachment data, file data, blob, binary data, image data, document data, content blob"),
    ],
    plain: "file name, filename, host name, hostname, table name, column name, schema name, server name, \
        product name, brand name, model name, template name, store name, bank name, list name, plan name, \
        event name, group name, role name, field name, class name, domain name, phone model, phone prefix, \
        email template, mail server, mail sent, mail send, body format, ip version, hash algorithm, hash algo, \
        message type, message id, message class, text color, comment enabled, comment type, address type, \
        address format, address layout, address title type, card type, card brand, card network, city count, \
        health check, healthchecks, public key, publickey, verify key, public keys, pass encoding, password policy, \
        passwd hash algo, cache key, object key, foreign key, primary key, meta key, config key, configkey, \
        flag key, setting key, lookup key, sort key, translation key, partition key, import key, attribute key, \
        prop key, external key, mail notification, session timeout, session age, cookie name, cookie domain, \
        cookie policy, use cookies, config cookie, cell id, iban prefix length, swift code, sort code, \
        routing number, country code, language code, currency code, state code, pass rate, pass count, pass fail, \
        death rate, birth rate, ship via, ship date, ship region, ship country, ship state, ship method, \
        billing country, shipping country, billing state, shipping state, credit limit, credit card id, \
        credit card fee, credit card type, street type, signature required, age limit, age rating, age group, \
        page age, responsive mobile, phone confirmed, email confirmed, email verified, email valid, email sent, \
        email frequency, email enabled, email notifications, email optout, email opt out, mail format, email type, \
        notify email, smtp server, smtp port, smtp authentication, smtp address, smtp domain, imap address, \
        imap port, forward host, first access, first response, first post, first reply, first visit, last access, \
        last login, last visit, last activity, last contact, last seen, last used, last page, last update, \
        last modified, last post, last stage, last updated, last commit, first contact, first occurrence, \
        long label, long desc, short desc, pass through, geo restricted, login count, login attempts, \
        login required, login failed, login type, user type, user count, username count, user registration, \
        name count, latest version, web service, web hooks enabled, web push, website id, web site id, \
        company code, company type, company id, company size, company color, payment token, age verified, \
        session limit, session count, session lifespan, session idle, message count, message format, \
        message templates, message bounce, note type, reply count, reply time, notes count, comment count, \
        search type, search index type, search keys, search rank, subject line template, token type, token count, \
        token limit, code style, raw material, raw size, raw price, rating reason code, cc type, cc exp, \
        cc exp month, cc exp year, cc ss start, cvv response, avs response, response code, id status, id type, \
        identifier type, patient type, document type, document category, passport country, passport expiry, \
        license class, license type, license expires, vat rate, vat amount, vat valid, vat code, tax rate, \
        tax amount, tax total, tax class, tax code, pan country, photo count, picture count, avatar size, \
        avatar type, image width, image height, health status page, medical expiry, drug code, income account, \
        income type, bonus points, race id, web color, text size, min salary, max salary, avg salary, salary mode, \
        salary grade, salary currency, death count, births, deaths, blood test count, street view, mail count, \
        ip whitelist enabled, call count, unit name, unitname, shift name, color name, owner type, owner id, \
        owner team, body template, html body template, email subject template, contact type, contact id, \
        contact status, temperature unit, browser engine, browser version, browser name, browser lang, \
        browser language, device model, device type, device brand, device os, client type, reference name, \
        reference type, reference number, reference code, external reference, external authorization, zip required, \
        zipcode required, user title, page title, cover url, thumbnail url, artifact hash, log url, file hash, \
        commit hash, content hash, path hash, info hash, block hash, message hash, row hash, image hash, dag hash, \
        fileloc hash, url hash, query hash, blurhash, content md5, card status, recipient count, recipient type, \
        signature algorithm, signature body, host address, bind address, base address, imap enabled, contract name, \
        token prefix, key prefix, api key prefix, allowed ips, allowed cidrs, dns server, gateway ip, ns ip, \
        ip pool, ip limit, company currency, memory, port name, display width, display format, display order, \
        display color, description html, employer match, session start, session admin, session page, session type, \
        social share, family size, name type, nameserver, renamed, city code, town count, note count, state name, \
        state abbr, hash type, subject type, subject id",
    heads: "id, ids, count, counts, cnt, counter, type, types, typ, kind, model, format, policy, at, on, status, \
        state, sts, rate, rates, ratio, pct, percent, percentage, enabled, disabled, verified, confirmed, required, \
        allowed, supported, active, valid, flag, flags, brand, country, countries, code type, amount, amt, amounts, \
        total, totals, cents, minor, price, cost, fee, qty, quantity, number of, template, templates, version, \
        versions, revision, category, categories, provider, providers, lang, language, locale, currency, algorithm, \
        algo, authentication, encoding, scheme, method, mode, length, len, size, sizes, width, height, limit, \
        limits, timeout, ttl, interval, expiry, exp, expires, expiration, expired, expire, order, position, rank, \
        sequence, seq, index, idx, level, score, period, duration, days, hours, minutes, seconds, ms, date, dt, \
        time, timestamp, ts, month, year, week, day, since, until, from date, color, colour, icon, theme, layout, \
        style, visibility, scope, scopes, group, groups, class, mime, content type, file size, filesize, extension, \
        ext, attempts, retries, failures, digits, prefix length, prefs, optin, opt in, optout, opt out, privacy, \
        frequency, offset, unit, units, default, primary, public, hidden, visible, used, failed, sent, opened, \
        bounced, clicked, grace, strength, regex, pattern, domain, domains, protocol, port, region, zone, timezone, \
        tz, mandatory, relationship, relation, source, channel, platform, system, response, schema, interval days, \
        lifetime, lifespan, crc, checksum, priority, severity, reply count, charset, width px, rule, rules, \
        amount due, mask type, list id, is default, is primary, per user, verified at, changed, change date, gmt, \
        grade, lvl, cd type, step, steps, mtime, ctime, atime, wanted, need, needs, vip, accepted, consent, bool, \
        notifications, notification",
    firsts: "is, has, can, should, must, may, allow, allows, enable, enabled, disable, require, requires, required, \
        use, uses, show, hide, num, nb, count, total, sum, avg, min, max, mean, type, bool, flag, supports, auto, \
        no of, nbr, do, not, never, prevent, needs, invalid, config",
    known: "slug, sku, barcode, ean, isbn, upc, gtin, uuid, guid, country, state, province, county, region, \
        territory, continent, department, dept, division, section, job, occupation, profession, designation, \
        specialty, speciality, role, roles, permission, permissions, title, suffix, degree, qualification, \
        certificate, tier, plan, program, programme, team, unit, branch, langcode, languages, ref, code, codes, \
        symbol, action, event, direction, industry, sector, revenue, coupon, voucher, discount, make, manufacturer, \
        bundle, route, context, target, architecture, os, environment, oid, subdomain, pref, preference, basis, \
        taxonomy, modifier, medium, shirt, capacity, bic, swift, aba, routing, bank, insurer, tags, styles, css, \
        charset, sort, purchase, approval, audience, archetype, network, funding, loyalty, iata, icao, facility, \
        employees, ticker, interface, warehouse, stage, phase, grouping, segment, cohort, bucket, queue, pool, \
        operator, command, property, entity, object, object type, resource, component, module, package, commit, \
        locale, timezone, weekday, rating, quality, result, outcome, decision, condition code, specification, \
        dimension, material, sample type, membership, engine, driver, dialect, encoding, permalink, keyword, \
        keywords, markup, tag, flavor, edition, publisher, location type, cost center, shift, education, school, \
        university, field of study, study, major, subject area, relation, policy, folder, mimetype, filemime, \
        filename, checksum, prefix, tld, realm, tenant, workspace, terms, references, identity provider, callback",
    people: "account, accounts, customer, customers, client, clients, user, users, guest, guests, passenger, \
        passengers, person, persons, people, contact, contacts, employee, employees, staff, member, members, \
        patient, patients, student, students, teacher, teachers, pupil, pupils, traveler, travelers, traveller, \
        travellers, lead, leads, profile, profiles, subscriber, subscribers, applicant, applicants, driver, \
        drivers, author, authors, agent, agents, crew, owner, owners, tenant person, candidate, candidates, \
        jobcandidate, doctor, doctors, nurse, nurses, donor, donors, actor, actors, partner, partners, respondent, \
        respondents, visitor, visitors, volunteer, volunteers, player, players, worker, workers, instructor, \
        instructors, admin user, admins, administrators, recipient, recipients, beneficiary, beneficiaries, \
        dependents, dependent, relatives, attendee, attendees, participant, participants, invitees, child, \
        children, parent, parents, father, mother, accountholder, mwuser, resident, residents, citizen, citizens, \
        voter, voters, tutor, tutors, coach, coaches, cust, cust mst, vendor, vendors, supplier, suppliers, \
        shipper, shippers, pax, loyalty members, supporter, supporters, physician, physicians, trainee, trainees, \
        alumni, artist person, res partner, companion",
    places: "store, stores, shop, shops, warehouse, warehouses, branch, branches, office, offices, facility, \
        facilities, airport, airports, station, stations, stock location, stock locations, location, locations, \
        site, sites, venue, venues, hotel, hotels, restaurant, restaurants, room, rooms, depot, depots, node, \
        nodes, region, regions, city, cities, country, countries, state, states, province, provinces, place, \
        places, district, districts, airports data, fuel stations, geofence, geofences, zone, zones, hospital, \
        hospitals, school, schools, building, buildings, clinic, clinics, terminal, terminals, port, ports, \
        harbour, harbours, us states, postcodes, zipcodes, stop, stops, poi, pois, campus, dealers list, counties, \
        county, continents",
    catalogue: "product, products, item, items, article, articles, book, books, film, films, movie, movies, album, \
        albums, track, tracks, artist, artists, song, songs, category, categories, genre, genres, brand, brands, \
        service, services, plan, plans, course, courses, page, pages, badge, badges, tag, tags, label, labels, \
        role, roles, permission, permissions, team, teams, group, groups, department, departments, template, \
        templates, email template, email templates, canned responses, setting, type, types, status, \
        statuses lookup, enumeration, enumerations, currency, currencies, language, languages, rank, ranks, drug, \
        drugs, concept name, terms, taxonomy, taxonomy term, menu, menus, forum, forums, board, boards, promotion, \
        promotions, coupon, coupons, shipping method, shipping methods, tax rates, rates, tax rate, goal, \
        goals lookup, feature flags, macro, macros, field types, texts, translations, translation, pdfmodels, \
        color, colors, unit, units, repository, repositories, project, projects, milestone, milestones, \
        badge types, job postings, posting, cities, aircraft, aircrafts data, vehicle models, model, models, \
        exercise, recipe, recipes, gallery, banner, banners, node field data, video, videos, playlist, playlists, \
        media type, license, licenses, custom emojis, emoji, metric, rule, rules, calendar, calendars, schedules, \
        campaign, campaigns, dataset, datasets, table, report card, view, dashboards, dashboard, websites, code, \
        codes, fare, fares, realm, client scope, platform, device type, firmware, firmware images, builds, catalog, \
        catalogue, manufacturer, manufacturers, publisher, publishers, signatures, host, hosts, problem, token types",
    talk: "ticket, tickets, issue, issues, message, messages, comment, comments, post, posts, note, notes, \
        conversation, conversations, email, emails, mail, mails, mailing, mailings, journal, journals, call, calls, \
        task, tasks, meeting, meetings, appointment, appointments, encounter, lead, leads, review, reviews, \
        feedback, chat, chats, communication, communications, complaint, complaints, topic, topics, thread, \
        threads, reply, replies, request, requests, grievance, grievances, incident, incidents, case, cases, \
        transaction, transactions, payment, payments, contribution, contributions, transfers, transfer, expense, \
        expenses, donation, donations, event log, log, logs, audit, abuse, reports abuse, inquiry, inquiries, \
        enquiry, support, opportunity, opportunities, diary, diary entries, entries, timeline, activity, \
        activities, privmsgs, copilot threads, survey responses, responses, answers, notice, interventions, \
        discussion, discussions, direct messages, performance reviews, time entries, bookings notes, events security",
    name: "name, names, nm",
    title: "title, heading, headline, caption, summary",
    description: "description, descr, desc, details, detail, content, contents, text, html, excerpt, plaintext, \
        abstract, info",
    glue: "tab, tbl, billing, ship, shipping, delivery, home, work, office, personal, private, public, user, users, \
        usr, account, contact, customer, cust, client, guest, member, owner, admin, sender, primary, secondary, \
        alt, alternate, alternative, other, new, old, unconfirmed, pending, current, previous, last, first, second, \
        emergency, full, main, default, web, app, device, bank, card, order, payment, product, item, number, no, \
        nr, num, code, cd, key, value, val, data, date, dt, time, ts, name, line, ln, url, uri, link, file, path, \
        image, img, hash, encrypted, encr, enc, hashed, crypted, raw, temp, tmp, ext, author, poster, sub, \
        normalized, sanitized, lower, upper, verified, mst, master, registration, signup, sign, up, in, by, to, \
        from, of, the, employee, emp, staff, student, party, person, family, spouse, mother, father, child, tech, \
        postal, mailing, legal, display, short, long, comment, log, visitor, remote, x, gateway, provider, \
        external, internal, system, profile, social, business, biz, company, corp, group, parent, partner, vendor, \
        supplier, insured, subscriber, passenger, pax, patient, doctor, driver, host, notification, support, reply, \
        invite, referral, marketing, newsletter, recovery, backup, reset, verification, confirm, confirmation, \
        activation, auth, access, refresh, api, secure, digest, photo, picture",
};
