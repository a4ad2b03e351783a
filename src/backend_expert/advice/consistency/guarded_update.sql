-- The condition stands in the statement: of two requests for the last piece, one changes a row and the other changes none.
UPDATE stock SET qty = qty - 1 WHERE product = 'A-17' AND qty >= 1;

-- Where the decision needs more than arithmetic, the row carries a version; no row changed means: read again.
UPDATE orders SET state = 'paid', version = version + 1 WHERE id = 42 AND version = 3;

-- Catches the statement that somebody forgets.
ALTER TABLE stock ADD CONSTRAINT stock_not_negative CHECK (qty >= 0);
