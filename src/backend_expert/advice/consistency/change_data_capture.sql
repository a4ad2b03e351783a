-- What the connector may read: the rows as they change, in the order of their commits. It needs wal_level = logical.
CREATE PUBLICATION order_events FOR TABLE orders WITH (publish = 'insert, update');

-- A message in the log that belongs to a transaction and to no table; it is there only if the transaction commits.
BEGIN;
INSERT INTO orders (customer, cents) VALUES ('C-9', 4200);
SELECT pg_logical_emit_message(true, 'order.created', '{"customer": "C-9", "cents": 4200}');
COMMIT;

-- Watch it: a slot that nobody reads keeps the log until the disk is full.
SELECT slot_name, pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn) AS bytes_behind FROM pg_replication_slots;
