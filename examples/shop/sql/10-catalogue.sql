\connect catalogue

CREATE TABLE products (
    id          uuid PRIMARY KEY,
    name        text NOT NULL,
    description text NOT NULL DEFAULT '',
    category    text NOT NULL,
    price       double precision NOT NULL CHECK (price >= 0),
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX products_category_name ON products (category, name, id);

CREATE TABLE reviews (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id uuid NOT NULL REFERENCES products (id) ON DELETE CASCADE,
    author     text NOT NULL,
    stars      smallint NOT NULL CHECK (stars BETWEEN 1 AND 5),
    body       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
