-- 5,000 products with a dozen reviews each and stock; ids are computed, so that every installation has the same.

\connect catalogue

INSERT INTO products (id, name, description, category, price)
SELECT md5('product ' || n)::uuid,
       (ARRAY ['Kettle', 'Lamp', 'Rug', 'Chair', 'Mug', 'Clock', 'Shelf', 'Vase'])[1 + n % 8] || ' no. ' || n,
       'Made to last.',
       (ARRAY ['kitchen', 'living', 'office', 'garden'])[1 + n % 4],
       1 + (n * 37 % 9000) / 100.0
FROM generate_series(1, 5000) AS n;

INSERT INTO reviews (product_id, author, stars, body)
SELECT md5('product ' || (1 + n % 5000))::uuid, 'customer ' || n % 971, 1 + n * 7 % 5, 'As described.'
FROM generate_series(1, 60000) AS n;

ANALYZE;

\connect shop

INSERT INTO stock (product_id, available)
SELECT md5('product ' || n)::uuid, 20 + n % 80
FROM generate_series(1, 5000) AS n;

ANALYZE;
