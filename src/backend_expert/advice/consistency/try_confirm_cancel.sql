CREATE TABLE seat (
  id text PRIMARY KEY,
  state text NOT NULL DEFAULT 'FREE' CHECK (state IN ('FREE', 'HELD', 'SOLD')),
  held_by uuid,
  held_until timestamptz,
  CHECK ((state = 'HELD') = (held_until IS NOT NULL))
);
CREATE INDEX seat_held ON seat (held_until) WHERE state = 'HELD';

-- Hold, if it is free; 0 rows changed means that it is taken.
UPDATE seat SET state = 'HELD', held_by = '0198c3d2-7c1e-7e3a-9d35-3f1c6d3b2a10', held_until = now() + interval '10 minutes'
WHERE id = '14C' AND state = 'FREE';

-- Confirm, if it is still held by this order; 0 rows changed means that the hold has expired.
UPDATE seat SET state = 'SOLD', held_until = NULL
WHERE id = '14C' AND state = 'HELD' AND held_by = '0198c3d2-7c1e-7e3a-9d35-3f1c6d3b2a10';

-- The job: everything whose time is up.
UPDATE seat SET state = 'FREE', held_by = NULL, held_until = NULL WHERE state = 'HELD' AND held_until < now();
