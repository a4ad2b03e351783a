-- The log of the saga: what was begun, how far it is, when to look again if nobody speaks of it.
CREATE TABLE saga (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  order_id bigint NOT NULL,
  state text NOT NULL CHECK (state IN ('CHARGING', 'DONE', 'UNDOING', 'UNDONE')),
  look_again_at timestamptz NOT NULL
);
CREATE INDEX saga_open ON saga (look_again_at) WHERE state IN ('CHARGING', 'UNDOING');

-- Before the effect.
INSERT INTO saga (order_id, state, look_again_at) VALUES (42, 'CHARGING', now() + interval '2 minutes');

-- What the job looks for: begun, not ended, overdue.
SELECT id, order_id FROM saga WHERE state IN ('CHARGING', 'UNDOING') AND look_again_at < now() ORDER BY id LIMIT 100;
