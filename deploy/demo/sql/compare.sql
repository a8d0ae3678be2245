-- Run it on both sides: the answers are the same, line by line. Rows, a checksum of all unmasked columns, and for masked
-- ones how many distinct values there are; then joins over masked columns.
--   psql "$PRODUCTION" -XAt -f compare.sql > production.txt; psql "$STAGING" -XAt -f compare.sql > staging.txt; diff *.txt

WITH checksums (t, h) AS (
            SELECT 'ships',           md5(x::text) FROM ships x
  UNION ALL SELECT 'ports',           md5(x::text) FROM ports x
  UNION ALL SELECT 'cruises',         md5(x::text) FROM cruises x
  UNION ALL SELECT 'cabins',          md5(x::text) FROM cabins x
  UNION ALL SELECT 'itinerary_stops', md5(x::text) FROM itinerary_stops x
  UNION ALL SELECT 'departures',      md5(x::text) FROM departures x
  UNION ALL SELECT 'price_history',   md5(x::text) FROM price_history x
  UNION ALL SELECT 'feedback',        md5(x::text) FROM feedback x
  UNION ALL SELECT 'settings',        md5(x::text) FROM settings x WHERE key NOT LIKE 'staging.%' -- those are staging's own
  UNION ALL SELECT 'booking_guests',  md5(x::text) FROM booking_guests x
  UNION ALL SELECT 'guests',          md5(ROW(id, city, country, updated_at, passport_no IS NULL, to_jsonb(guests) ->> 'nickname' IS NULL)::text) FROM guests
  UNION ALL SELECT 'bookings',        md5(ROW(id, guest_id, departure_id, ship_id, cabin, status, total, booked_at)::text) FROM bookings
  UNION ALL SELECT 'payments',        md5(ROW(id, amount, paid_at, iban IS NULL)::text) FROM payments
  UNION ALL SELECT 'loyalty_cards',   md5(ROW(guest_id, points)::text) FROM loyalty_cards
  UNION ALL SELECT 'newsletter',      md5(ROW(since, topics)::text) FROM newsletter)
          SELECT t || ': ' || count(*) || ' rows' AS what, md5(string_agg(h, '' ORDER BY h)) AS answer FROM checksums GROUP BY t
UNION ALL SELECT 'guests, distinct: account, email, phone, passport_no',
                 concat_ws(' ', count(DISTINCT account), count(DISTINCT email), count(DISTINCT phone), count(DISTINCT passport_no)) FROM guests
UNION ALL SELECT 'bookings, distinct: reference, contact_email', concat_ws(' ', count(DISTINCT reference), count(DISTINCT contact_email)) FROM bookings
UNION ALL SELECT 'payments, distinct: booking_reference, iban', concat_ws(' ', count(DISTINCT booking_reference), count(DISTINCT iban)) FROM payments
UNION ALL SELECT 'loyalty_cards, distinct: card_no', count(DISTINCT card_no)::text FROM loyalty_cards
UNION ALL SELECT 'joined by reference: bookings, payments', concat_ws(' ', count(*), sum(amount), sum(b.id)) FROM bookings b JOIN payments p ON p.booking_reference = b.reference
UNION ALL SELECT 'joined by email: guests, bookings', concat_ws(' ', count(*), sum(total), sum(g.id)) FROM guests g JOIN bookings b ON b.contact_email = g.email
UNION ALL SELECT 'joined by email: guests, newsletter', concat_ws(' ', count(*), sum(g.id)) FROM guests g JOIN newsletter n USING (email)
ORDER BY 1;
