"""A small shop that is really loaded, for comparing plans with those of the lab."""

from __future__ import annotations

SCHEMA = """
CREATE TABLE customer (
    id bigint PRIMARY KEY, email text NOT NULL, country char(2) NOT NULL, created_at timestamptz NOT NULL, deleted_at timestamptz);
CREATE TABLE product (id integer PRIMARY KEY, sku varchar(20) NOT NULL UNIQUE, price numeric(10,2) NOT NULL, category integer NOT NULL);
CREATE TABLE purchase (
    id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customer (id), status text NOT NULL,
    placed_at timestamptz NOT NULL, total numeric(10,2) NOT NULL);
CREATE TABLE line (
    purchase_id bigint NOT NULL REFERENCES purchase (id), number integer NOT NULL, product_id integer NOT NULL REFERENCES product (id),
    quantity integer NOT NULL, PRIMARY KEY (purchase_id, number));
CREATE INDEX purchase_placed_at ON purchase (placed_at);
CREATE INDEX line_product ON line (product_id);
"""

DATA = """
INSERT INTO customer SELECT i, 'user' || i || '@example.com', (ARRAY['BR','US','DE','FR'])[1 + (i * 7919 % 10) % 4],
    '2024-01-01'::timestamptz + i * interval '11 minutes',
    CASE WHEN i % 20 = 0 THEN '2025-06-01'::timestamptz END FROM generate_series(1, 20000) i;
INSERT INTO product SELECT i, 'SKU' || lpad(i::text, 8, '0'), (i * 37 % 10000) / 100.0, i % 50 FROM generate_series(1, 2000) i;
INSERT INTO purchase SELECT i, 1 + (i::bigint * 7919 % 20000),
    (ARRAY['paid','paid','paid','paid','paid','paid','paid','open','failed','new'])[1 + i % 10],
    '2024-01-01'::timestamptz + i * interval '3 minutes', (i * 131 % 50000) / 100.0 FROM generate_series(1, 60000) i;
INSERT INTO line SELECT p, n, 1 + ((p * 31 + n * 17) % 2000), 1 + p % 4 FROM generate_series(1, 60000) p, generate_series(1, 2) n;
"""

QUERIES = (
    "SELECT * FROM customer WHERE id = 4711",
    "SELECT * FROM customer WHERE email = 'user9000@example.com'",
    "SELECT count(*) FROM purchase",
    "SELECT * FROM purchase WHERE customer_id = 5000 ORDER BY placed_at DESC LIMIT 20",
    "SELECT * FROM purchase WHERE status = 'open' AND placed_at > '2024-03-01' AND placed_at < '2024-03-02'",
    "SELECT status, count(*), sum(total) FROM purchase GROUP BY status ORDER BY status",
    "SELECT p.id, p.total FROM purchase p JOIN customer c ON c.id = p.customer_id WHERE c.country = 'BR' AND p.status = 'failed'",
    (
        "SELECT p.id, l.number, x.sku FROM purchase p JOIN line l ON l.purchase_id = p.id JOIN product x ON x.id = l.product_id "
        "WHERE p.id = 30000"
    ),
    (
        "SELECT x.sku, sum(l.quantity) FROM line l JOIN product x ON x.id = l.product_id WHERE x.category = 7 "
        "GROUP BY x.sku ORDER BY 2 DESC LIMIT 10"
    ),
    "SELECT c.country, count(*) FROM customer c WHERE NOT EXISTS (SELECT FROM purchase p WHERE p.customer_id = c.id) GROUP BY c.country",
    "SELECT * FROM purchase WHERE placed_at >= '2024-02-10' AND placed_at < '2024-02-11' ORDER BY placed_at",
    "SELECT * FROM line WHERE product_id IN (500, 700, 900)",
    "SELECT * FROM customer WHERE deleted_at IS NULL AND country = 'DE' ORDER BY created_at DESC LIMIT 50",
    "UPDATE purchase SET status = 'paid' WHERE id = 12345",
    "DELETE FROM line WHERE purchase_id = 777",
    "SELECT * FROM purchase WHERE total BETWEEN 100 AND 110 ORDER BY total",
)

CANDIDATES = (
    ("purchase", ("customer_id",)),
    ("purchase", ("customer_id", "placed_at")),
    ("purchase", ("status", "placed_at")),
    ("purchase", ("total",)),
    ("customer", ("email",)),
    ("customer", ("country", "created_at")),
    ("product", ("category",)),
    ("line", ("product_id", "quantity")),
)
