-- Every raw value that must not be found on staging: run on production, and on staging before sluice first came.

          SELECT unnest(ARRAY[account::text, full_name, email, phone, passport_no, street, notes, to_jsonb(guests) ->> 'nickname']) FROM guests
UNION     SELECT unnest(ARRAY[contact_email, special_requests]) FROM bookings
UNION     SELECT unnest(ARRAY[payer, iban]) FROM payments
UNION     SELECT card_no FROM loyalty_cards
UNION     SELECT email FROM newsletter
UNION     SELECT token FROM web_sessions;
