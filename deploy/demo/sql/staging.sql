-- Staging had a nightly script once. It copied production as it was, personal data and all, and was never cleaned up.
-- The driver has just copied production's tables; this makes them half a year old.

SET session_replication_role = replica;
DELETE FROM payments WHERE id % 5 IN (1, 2);                                  -- rows that are missing here
DELETE FROM booking_guests WHERE booking_id > 26000;
DELETE FROM bookings WHERE id > 26000;
DELETE FROM guests WHERE id > 24000 AND id % 7 > 0;
DELETE FROM feedback WHERE stars = 3;
TRUNCATE newsletter, price_history;
UPDATE guests SET phone = '+49 40 ' || 5550000 + id WHERE id % 11 = 0;        -- rows that are otherwise here
UPDATE bookings SET status = 'option' WHERE id % 4 = 0;
UPDATE departures SET places_left = places_left + 7 WHERE id % 3 = 0;
UPDATE cruises SET name = upper(name) WHERE id % 2 = 0;
INSERT INTO settings VALUES ('script.last_run', '2025-05-14 03:00');          -- rows that production no longer has
INSERT INTO guests (id, account, full_name, email, phone, passport_no, country, notes, updated_at) OVERRIDING SYSTEM VALUE
  SELECT 900000 + i, md5('gone ' || i)::uuid, 'Rosalind Abernethy-Quist ' || i, 'gone' || i || '@fjordmail.example', '+47 222 ' || 40000000 + i,
    'NO77GONE' || 1000 + i, 'NO', 'left us in 2025', '2025-05-01' FROM generate_series(1, 400) i;
TRUNCATE users, quote_requests, saved_searches;
RESET session_replication_role;

-- Staging's own: what testers made.
INSERT INTO users SELECT i, 'tester' || i || '@qa.example', 'Tester ' || i, 'qa' FROM generate_series(1, 25) i;
INSERT INTO quote_requests SELECT i, 1 + i % 25, 'tester' || 1 + i % 25 || '@qa.example', 'test case ' || i, '2026-04-01' FROM generate_series(1, 310) i;
INSERT INTO saved_searches SELECT i, 1 + i % 25, jsonb_build_object('qa', i) FROM generate_series(1, 75) i;

-- ... some of it points at rows of production.
CREATE TABLE test_cases (id int PRIMARY KEY, port_code char(5) REFERENCES ports, steps text NOT NULL);
INSERT INTO test_cases VALUES (1, 'ZZ001', 'book a cabin from Far Haven');
CREATE TABLE bookmarks (id int PRIMARY KEY, port_code char(5) REFERENCES ports, label text NOT NULL);
INSERT INTO bookmarks VALUES (1, 'ZZ002', 'Near Haven, for the demo on Friday');

DELETE FROM settings WHERE key LIKE 'staging.%';
INSERT INTO settings VALUES ('staging.banner', 'test data: nobody here is real'), ('staging.mail', 'goes nowhere'); -- in a table that is replicated

-- What this server is: sluice only reads it, and refuses another one than its sluice.yaml means.
CREATE SCHEMA sluice;
CREATE TABLE sluice.environment (name text NOT NULL, only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row));
INSERT INTO sluice.environment (name) VALUES ('staging');
