\connect shop

CREATE TABLE customers (
    id            uuid PRIMARY KEY,
    email         text NOT NULL CONSTRAINT customers_email UNIQUE,
    name          text NOT NULL,
    password_hash text NOT NULL,
    blocked       boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE orders (
    id          uuid PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES customers (id),
    status      text NOT NULL CHECK (status IN ('PENDING', 'PAID', 'SHIPPED', 'CANCELLED')),
    total_cents integer NOT NULL CHECK (total_cents >= 0),
    payment_id  uuid,
    cancel_code uuid NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX orders_customer_created ON orders (customer_id, created_at);

CREATE TABLE order_lines (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id    uuid NOT NULL REFERENCES orders (id),
    product_id  uuid NOT NULL,
    name        text NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    price_cents integer NOT NULL CHECK (price_cents >= 0)
);

-- Tables of inventory.

CREATE TABLE stock (
    product_id uuid PRIMARY KEY,
    available  integer NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE reservations (
    order_id   uuid NOT NULL,
    product_id uuid NOT NULL REFERENCES stock (product_id),
    quantity   integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, product_id)
);

CREATE INDEX reservations_product ON reservations (product_id);

CREATE TABLE shipments (
    order_id   uuid PRIMARY KEY,
    shipped_at timestamptz NOT NULL DEFAULT now()
);

-- Table of notifications.

CREATE TABLE deliveries (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id uuid NOT NULL,
    event    text NOT NULL,
    email    text NOT NULL,
    sent_at  timestamptz NOT NULL DEFAULT now()
);
