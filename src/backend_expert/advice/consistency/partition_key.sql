-- The outbox carries the key; one relay reads a key in the order of the table.
ALTER TABLE outbox ADD COLUMN partition smallint NOT NULL GENERATED ALWAYS AS (abs(hashtext(key)) % 8) STORED;
CREATE INDEX outbox_of_partition ON outbox (partition, position) WHERE sent_at IS NULL;

-- The consumer refuses what comes late: a change applies only over the one before it.
UPDATE orders SET state = 'shipped', position = 8 WHERE id = 42 AND position = 7;
