-- A cruise agency. The same on production and on staging.

CREATE TYPE booking_status AS ENUM ('option', 'confirmed', 'sailed');

-- What the agency sells: no personal data.
CREATE TABLE ships (id int PRIMARY KEY, name text NOT NULL UNIQUE, built int NOT NULL, decks int NOT NULL);
CREATE TABLE ports (code char(5) PRIMARY KEY, name text NOT NULL, country char(2) NOT NULL, position point NOT NULL);
CREATE TABLE cruises (
  id int PRIMARY KEY, code text NOT NULL UNIQUE, name text NOT NULL, ship_id int NOT NULL REFERENCES ships,
  nights int NOT NULL, tags text[] NOT NULL, description text NOT NULL, updated_at timestamptz NOT NULL);
CREATE TABLE cabins (
  ship_id int REFERENCES ships, number text, class text NOT NULL, deck int NOT NULL, berths int NOT NULL,
  PRIMARY KEY (ship_id, number));
CREATE TABLE itinerary_stops (
  cruise_id int REFERENCES cruises, day int, port_code char(5) NOT NULL REFERENCES ports, arrives time, leaves time,
  PRIMARY KEY (cruise_id, day));
CREATE TABLE departures (
  id int PRIMARY KEY, cruise_id int NOT NULL REFERENCES cruises, sails_on date NOT NULL, places_left int NOT NULL);
CREATE TABLE price_history (
  departure_id int NOT NULL, class text, noted_on date, price numeric(10,2) NOT NULL,
  PRIMARY KEY (departure_id, class, noted_on)) PARTITION BY RANGE (noted_on);
CREATE TABLE price_history_2025 PARTITION OF price_history FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE price_history_2026 PARTITION OF price_history FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');

-- Whom it sells to.
CREATE TABLE guests (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account uuid NOT NULL UNIQUE, full_name text NOT NULL,
  email text NOT NULL UNIQUE, phone varchar(32), passport_no text, born date, street text, postcode text, city text,
  country char(2) NOT NULL, preferences jsonb, notes text, updated_at timestamptz NOT NULL);
CREATE TABLE bookings (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, reference text NOT NULL UNIQUE,
  guest_id bigint NOT NULL REFERENCES guests, contact_email text NOT NULL, departure_id int NOT NULL REFERENCES departures,
  ship_id int NOT NULL, cabin text NOT NULL, status booking_status NOT NULL, total numeric(10,2) NOT NULL,
  special_requests text, booked_at timestamptz NOT NULL,
  FOREIGN KEY (ship_id, cabin) REFERENCES cabins (ship_id, number));
CREATE INDEX ON bookings (guest_id);
CREATE TABLE booking_guests (
  booking_id bigint REFERENCES bookings ON DELETE CASCADE, guest_id bigint REFERENCES guests, berth int NOT NULL,
  PRIMARY KEY (booking_id, guest_id));
CREATE INDEX ON booking_guests (guest_id);
CREATE TABLE payments (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  booking_reference text NOT NULL REFERENCES bookings (reference) ON DELETE CASCADE,
  payer text NOT NULL, iban text, amount numeric(10,2) NOT NULL, paid_at timestamptz NOT NULL);
CREATE INDEX ON payments (booking_reference);
CREATE TABLE loyalty_cards (
  card_no text PRIMARY KEY, guest_id bigint NOT NULL UNIQUE REFERENCES guests ON DELETE CASCADE, points int NOT NULL);
CREATE TABLE newsletter (email text PRIMARY KEY, since date NOT NULL, topics text[] NOT NULL);
CREATE TABLE feedback (departure_id int NOT NULL, stars int NOT NULL, given_at timestamptz NOT NULL); -- without a key
CREATE TABLE settings (key text PRIMARY KEY, value text NOT NULL);
CREATE TABLE web_sessions (token text PRIMARY KEY, guest_id bigint, last_seen timestamptz NOT NULL);

-- What each side has of its own.
CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL UNIQUE, full_name text NOT NULL, role text NOT NULL);
CREATE TABLE quote_requests (
  id int PRIMARY KEY, user_id int REFERENCES users, email text NOT NULL, wish text NOT NULL, asked_at timestamptz NOT NULL);
CREATE TABLE saved_searches (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, query jsonb NOT NULL);
