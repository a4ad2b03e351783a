ALTER TABLE orders ADD COLUMN version integer NOT NULL DEFAULT 0;

-- Read the version with what the decision rests on.
SELECT state, version FROM orders WHERE id = 42;

-- Write only over what was read; 0 rows changed means: somebody was faster, read again.
UPDATE orders SET state = 'paid', version = version + 1 WHERE id = 42 AND version = 0;
