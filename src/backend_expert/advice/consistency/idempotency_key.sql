CREATE TABLE idempotency_key (
  key text PRIMARY KEY,
  request_hash bytea NOT NULL,
  answer jsonb,
  stored_at timestamptz NOT NULL DEFAULT now()
);

-- First statement of the transaction that does the work; no row means that the request was here before.
INSERT INTO idempotency_key (key, request_hash) VALUES ('order-42-charge', '\x00') ON CONFLICT (key) DO NOTHING;

-- Keys older than the longest retry; run by a job.
DELETE FROM idempotency_key WHERE stored_at < now() - interval '1 day';
