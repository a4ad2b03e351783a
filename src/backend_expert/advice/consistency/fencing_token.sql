-- The greatest token that has written the row.
ALTER TABLE report ADD COLUMN fence bigint NOT NULL DEFAULT 0;

-- In every write under the lock; 0 rows changed means that a later holder has been here.
UPDATE report SET body = 'the figures of November', fence = 34 WHERE id = 7 AND fence <= 34;
