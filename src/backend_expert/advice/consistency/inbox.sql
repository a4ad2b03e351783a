-- One row for each message that a consumer has handled; two consumers of one topic do not meet.
CREATE TABLE inbox (
  consumer text NOT NULL,
  message uuid NOT NULL,
  handled_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, message)
);

-- First statement of the transaction that does the work; no row comes back when the message was here before.
INSERT INTO inbox (consumer, message) VALUES ('stock', '0198c3d2-7c1e-7e3a-9d35-3f1c6d3b2a10')
ON CONFLICT DO NOTHING RETURNING message;

-- Older than the longest redelivery; run by a job.
DELETE FROM inbox WHERE handled_at < now() - interval '14 days';
