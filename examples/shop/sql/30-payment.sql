\connect payment

CREATE TABLE payments (
    id           uuid PRIMARY KEY,
    order_id     uuid NOT NULL,
    amount_cents integer NOT NULL CHECK (amount_cents > 0),
    status       text NOT NULL CHECK (status IN ('PENDING', 'CAPTURED', 'DECLINED', 'REFUNDED')),
    reference    text,
    created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX payments_order ON payments (order_id);
