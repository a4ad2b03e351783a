-- First look for rows that already collide: the index cannot be built over them.
SELECT lower(email), count(*) FROM account GROUP BY lower(email) HAVING count(*) > 1;

-- Concurrently: writers go on while it is built. Outside a transaction; drop it and repeat when it ends INVALID.
CREATE UNIQUE INDEX CONCURRENTLY account_email ON account (lower(email));

-- Where a repeat is no error, the statement says so; no row comes back for the second.
INSERT INTO account (email) VALUES ('ana@example.org') ON CONFLICT (lower(email)) DO NOTHING RETURNING id;
