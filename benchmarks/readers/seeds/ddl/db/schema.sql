CREATE TABLE IF NOT EXISTS public.orders (
  id bigserial PRIMARY KEY,
  email varchar(200) NOT NULL,
  total numeric(10,2) DEFAULT 0, CONSTRAINT u UNIQUE (email, total), FOREIGN KEY (id) REFERENCES users (id)
);
CREATE UNIQUE INDEX CONCURRENTLY i ON orders USING btree (lower(email) DESC) WHERE total > 0;
COMMENT ON TABLE orders IS $$ a $$;
