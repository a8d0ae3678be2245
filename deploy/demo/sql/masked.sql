-- Each value of a masked column, with its row. Run on both sides: no line may be on both.

          SELECT 'guests ' || id || ' account ' || account FROM guests
UNION ALL SELECT 'guests ' || id || ' full_name ' || full_name FROM guests
UNION ALL SELECT 'guests ' || id || ' email ' || email FROM guests
UNION ALL SELECT 'guests ' || id || ' phone ' || phone FROM guests WHERE phone IS NOT NULL
UNION ALL SELECT 'guests ' || id || ' passport_no ' || passport_no FROM guests WHERE passport_no IS NOT NULL
UNION ALL SELECT 'guests ' || id || ' born ' || born FROM guests WHERE born <> '1970-01-01'
UNION ALL SELECT 'guests ' || id || ' dropped ' || d FROM guests, unnest(ARRAY[street, postcode, preferences::text, notes]) d WHERE d IS NOT NULL
UNION ALL SELECT 'guests ' || id || ' nickname ' || n FROM guests, to_jsonb(guests) j, nullif(j ->> 'nickname', '') n WHERE n IS NOT NULL
UNION ALL SELECT 'bookings ' || id || ' reference ' || reference FROM bookings
UNION ALL SELECT 'bookings ' || id || ' contact_email ' || contact_email FROM bookings
UNION ALL SELECT 'bookings ' || id || ' dropped ' || special_requests FROM bookings WHERE special_requests IS NOT NULL
UNION ALL SELECT 'payments ' || id || ' booking_reference ' || booking_reference FROM payments
UNION ALL SELECT 'payments ' || id || ' payer ' || payer FROM payments
UNION ALL SELECT 'payments ' || id || ' iban ' || iban FROM payments WHERE iban IS NOT NULL
UNION ALL SELECT 'loyalty_cards ' || guest_id || ' card_no ' || card_no FROM loyalty_cards;
