-- One table beside the rows it tells of; the order of `position` is the order of publishing.
CREATE TABLE outbox (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  topic text NOT NULL,
  key text NOT NULL,
  body jsonb NOT NULL,
  stored_at timestamptz NOT NULL DEFAULT now(),
  sent_at timestamptz
);

-- The relay reads only what waits, so the index stays small however long the table is kept.
CREATE INDEX outbox_waiting ON outbox (position) WHERE sent_at IS NULL;

-- What was sent a week ago; run by a job.
DELETE FROM outbox WHERE sent_at < now() - interval '7 days';
