-- Production's rows: some 200,000, the same in every run. All that looks random is a hash of the row's number.

SET synchronous_commit = off;
CREATE SCHEMA gen;
CREATE FUNCTION gen.rnd(i bigint, salt int, n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE
  RETURN (hashint8extended(i, salt) & 9007199254740991) % n;
CREATE FUNCTION gen.pick(list text[], i bigint, salt int) RETURNS text LANGUAGE sql IMMUTABLE
  RETURN list[1 + (hashint8extended(i, salt) & 9007199254740991) % cardinality(list)];
CREATE FUNCTION gen.digits(i bigint, salt int, n int) RETURNS text LANGUAGE sql IMMUTABLE
  RETURN lpad(gen.rnd(i, salt, (10 ^ n)::bigint)::text, n, '0');
-- A valid IBAN of one of the countries below.
CREATE FUNCTION gen.iban(country text, d text) RETURNS text LANGUAGE sql IMMUTABLE
  RETURN (SELECT country || lpad((98 - string_agg(CASE WHEN c >= 'A' THEN (ascii(c) - 55)::text ELSE c END, '' ORDER BY n)::numeric % 97)::text, 2, '0') || account
    FROM (SELECT CASE country WHEN 'DE' THEN left(d, 18) WHEN 'NO' THEN left(d, 11) WHEN 'IT' THEN 'X' || left(d, 22) WHEN 'PT' THEN left(d, 21)
      WHEN 'PL' THEN left(d, 24) WHEN 'GR' THEN left(d, 23) ELSE 'AIBK' || left(d, 14) END AS account) a,
      regexp_split_to_table(account || country || '00', '') WITH ORDINALITY s (c, n) GROUP BY account);

CREATE TABLE gen.people AS SELECT i AS id, first || ' ' || last AS full_name,
    translate(lower(first || '.' || last), 'åäöøæüśłıćçńéïğ', 'aaooauslic' || 'cneig') || i || '@' ||
      gen.pick('{fjordmail.example,postkasse.example,webbox.example,correo.example,lettera.example}', i, 3) AS email,
    c.code AS country, c.city,
    c.dial || ' ' || gen.digits(i, 4, 3) || ' ' || gen.digits(i, 5, 8) AS phone,
    c.code || gen.digits(i, 6, 2) || gen.pick('{RSTU,KLMN,VWXY,FGHJ}', i, 7) || gen.digits(i, 8, 4) AS passport_no,
    gen.iban(c.code, gen.digits(i, 9, 12) || gen.digits(i, 10, 12)) AS iban,
    gen.pick(c.streets, i, 11) || ' ' || 1 + gen.rnd(i, 12, 180) || ', flat ' || gen.digits(i, 13, 4) AS street,
    gen.digits(i, 14, 5) AS postcode
  FROM (SELECT i,
      gen.pick('{Annelise,Bjarne,Chiara,Dimitra,Eleni,Freya,Giulia,Hannelore,Ingrid,Joaquim,Katarzyna,Lorenzo,Maren,Nuno,Ottilie,
        Pilar,Rasmus,Saoirse,Tadeusz,Ulrike,Vasilis,Wiebke,Xavier,Yannick,Zofia,Aoife,Bartosz,Celine,Dagmar,Emil,Fiorella,Gunnar,
        Henrike,Ilse,Jochen,Kirsten,Lubomir,Mathilde,Niamh,Oskar,Philippa,Quentin,Renske,Sigrid,Thibault,Ursula,Valeria,
        Willemijn,Yvonne,Zdenka}', i, 1) AS first,
      gen.pick('{Achterberg,Bergqvist,Castellanos,Dahlström,Eriksdotter,Fernandes,Grabowska,Hinrichsen,Iversen,Jørgensen,Kowalczyk,
        Moretti,Nowakowski,Oliveira,Papadopoulos,Quintanilha,Rasmussen,Steinbrück,Thorvaldsen,Uhlenbrock,Vanderlinden,Wiśniewska,
        Ximenes,Yıldırım,Zimmerling,Andersson,Buchholz,Colombo,Delacroix,Esposito,Fjellheim,Giannopoulos,Holmgren,Ivanović,
        Janssens,Kjeldsen,Lefebvre,Marchetti,Nygaard,Øvergaard,Pettersson,Ricciardi,Söderberg,Tavernier,Urbanek,Villanueva,
        Zielińska,Brannigan}', i, 2) AS last
    FROM generate_series(1, 60000) i) n
  JOIN (VALUES (0, 'DE', '+49', 'Hamburg', '{Hafenstraße,Lindenallee,Am Deich}'::text[]), (1, 'NO', '+47', 'Bergen', '{Bryggen,Strandgaten}'),
    (2, 'IT', '+39', 'Genova', '{Via Garibaldi,Salita San Rocco}'), (3, 'PT', '+351', 'Lisboa', '{Rua da Saudade,Rua Augusta}'),
    (4, 'PL', '+48', 'Gdańsk', '{ulica Długa,ulica Mariacka}'), (5, 'GR', '+30', 'Piraeus', '{Akti Miaouli,Odos Notara}'),
    (6, 'IE', '+353', 'Cork', '{Patrick Street,Coal Quay}')) c (n, code, dial, city, streets) ON c.n = gen.rnd(i, 0, 7);
ALTER TABLE gen.people ADD PRIMARY KEY (id);

INSERT INTO ships SELECT i, 'MS ' || (ARRAY['Aurelia','Boreas','Calypso','Delphin','Estrela','Fjordlys','Galatea','Havfrue','Isolde','Juniper','Kittiwake','Lorelei'])[i],
  1995 + 2 * i, 7 + i % 6 FROM generate_series(1, 12) i;
INSERT INTO ports SELECT c || n, initcap(gen.pick('{haven,vik,porto,lido,cala,sund}', i, 20)) || ' ' || i, c, point(35 + i, i / 3.0)
  FROM (SELECT i, gen.pick('{DE,NO,IT,PT,PL,GR,IE}', i, 21) c, lpad(i::text, 3, '0') n FROM generate_series(1, 40) i) p;
INSERT INTO cruises SELECT i, 'CR' || lpad(i::text, 4, '0'), gen.pick('{Fjords,Islands,Harbours,Lighthouses,Vineyards}', i, 22) || ' of the ' ||
    gen.pick('{North,Adriatic,Atlantic,Baltic,Aegean}', i, 23), 1 + i % 12, 5 + i % 10, ARRAY[gen.pick('{family,quiet,adventure}', i, 24), 'no. ' || i],
    repeat('A slow ship, a long coast, and dinner at eight. ', 4), '2026-01-05' FROM generate_series(1, 400) i;
INSERT INTO cabins SELECT s, d || lpad(n::text, 3, '0'), (ARRAY['inside','outside','balcony','suite'])[1 + n % 4], d, 2 + n % 3
  FROM generate_series(1, 12) s, generate_series(1, 6) d, generate_series(1, 25) n;
INSERT INTO itinerary_stops SELECT c.id, day, (SELECT code FROM ports ORDER BY code OFFSET gen.rnd(c.id * 100 + day, 25, 40) LIMIT 1),
    CASE WHEN day > 1 THEN time '08:00' END, CASE WHEN day < nights THEN time '17:30' END FROM cruises c, generate_series(1, nights) day;
INSERT INTO departures SELECT i, 1 + i % 400, date '2026-03-01' + i % 300, 300 FROM generate_series(1, 4000) i;
INSERT INTO price_history SELECT d, class, on_, 400 + gen.rnd(d, 26, 3000)
  FROM generate_series(1, 4000) d, unnest('{inside,outside,balcony,suite}'::text[]) class, (VALUES (date '2025-11-03'), ('2026-02-02')) w (on_)
  WHERE d % 2 = 0;

INSERT INTO guests (account, full_name, email, phone, passport_no, born, street, postcode, city, country, preferences, notes, updated_at)
  SELECT md5('account ' || id)::uuid, full_name, email, phone, CASE WHEN id % 9 > 0 THEN passport_no END,
    date '1938-01-01' + gen.rnd(id, 30, 25000)::int, street, postcode, city, country,
    jsonb_build_object('diet', gen.pick('{none,vegan,halal,no fish}', id, 31), 'emergency', email),
    CASE WHEN id % 3 = 0 THEN full_name || gen.pick('{" asked for a quiet cabin"," uses a wheelchair"," pays in cash"}', id, 32) || ', call ' || phone END,
    timestamptz '2026-01-01' + id * interval '4 min'
  FROM gen.people WHERE id <= 36000 ORDER BY id;
INSERT INTO bookings (reference, guest_id, contact_email, departure_id, ship_id, cabin, status, total, special_requests, booked_at)
  SELECT 'BK-' || gen.digits(i, 40, 4) || lpad(i::text, 6, '0') , g.id, g.email, d.id, c.ship_id,
    1 + gen.rnd(i, 41, 6) || lpad((1 + gen.rnd(i, 42, 25))::text, 3, '0'), gen.pick('{option,confirmed,confirmed,sailed}', i, 43)::booking_status,
    900 + gen.rnd(i, 44, 400000) / 100.0, CASE WHEN i % 5 = 0 THEN 'Please ring ' || g.full_name || ' at ' || g.phone END,
    timestamptz '2026-01-01' + i * interval '5 min'
  FROM generate_series(1, 40000) i JOIN guests g ON g.id = 1 + gen.rnd(i, 45, 36000) JOIN departures d ON d.id = 1 + gen.rnd(i, 46, 4000)
    JOIN cruises c ON c.id = d.cruise_id ORDER BY i;
INSERT INTO booking_guests SELECT id, guest_id, 1 FROM bookings;
INSERT INTO booking_guests SELECT id, 1 + guest_id % 36000, 2 FROM bookings WHERE id % 3 = 0;
INSERT INTO payments (booking_reference, payer, iban, amount, paid_at)
  SELECT b.reference, p.full_name, p.iban, round(b.total / 2, 2), b.booked_at + interval '1 day'
  FROM bookings b JOIN gen.people p ON p.id = b.guest_id, generate_series(1, 2) n WHERE n = 1 OR b.status = 'sailed' ORDER BY b.id, n;
INSERT INTO loyalty_cards SELECT '7781 ' || gen.digits(id, 50, 4) || ' ' || gen.digits(id, 51, 4) || ' ' || lpad((id / 4)::text, 4, '0'), id, gen.rnd(id, 52, 9000)
  FROM guests WHERE id % 4 = 0;
INSERT INTO newsletter SELECT email, date '2020-01-01' + (id / 8)::int, ARRAY['offers', country] FROM guests WHERE id % 4 = 1;
INSERT INTO feedback SELECT 1 + gen.rnd(i, 60, 4000), 1 + gen.rnd(i, 61, 5), timestamptz '2026-02-01' + i * interval '1 min' FROM generate_series(1, 6000) i;
INSERT INTO settings SELECT 'shop.' || k, v FROM (VALUES ('currency', 'EUR'), ('season', '2026'), ('deposit', '20 %'), ('hotline', 'on'), ('heartbeat', '0')) s (k, v);
INSERT INTO settings VALUES ('staging.banner', 'somebody has put it here'); -- staging would take it for its own
INSERT INTO settings SELECT 'promo.' || i, 'minus ' || i || ' %' FROM generate_series(1, 30) i;
INSERT INTO web_sessions SELECT md5('session ' || i), i, '2026-06-01' FROM generate_series(1, 2000) i;

INSERT INTO users SELECT i, 'agent.' || email, full_name, gen.pick('{sales,harbour,admin}', i, 70) FROM (SELECT row_number() OVER (ORDER BY id) AS i, * FROM gen.people WHERE id > 59960) p;
INSERT INTO quote_requests SELECT i, 1 + i % 40, email, 'two weeks, ' || city, '2026-05-01' FROM (SELECT id - 59000 AS i, * FROM gen.people WHERE id BETWEEN 59001 AND 59300) p;
INSERT INTO saved_searches SELECT i, 1 + i % 40, jsonb_build_object('nights', i % 14) FROM generate_series(1, 120) i;

-- What this server is: sluice only reads it, and refuses another one than its sluice.yaml means.
CREATE SCHEMA sluice;
CREATE TABLE sluice.environment (name text NOT NULL, only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row));
INSERT INTO sluice.environment (name) VALUES ('production');
-- Two that no cruise calls at: they will be gone one day, and testers point at them.
INSERT INTO ports VALUES ('ZZ001', 'Far Haven', 'ZZ', point(1, 1)), ('ZZ002', 'Near Haven', 'ZZ', point(2, 2));
