-- One account for each service, with what it needs and no more; the password is set by the deployment, not here.
CREATE ROLE orders_service LOGIN;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO orders_service;
GRANT SELECT, INSERT, UPDATE ON orders, order_lines TO orders_service;
GRANT SELECT ON customers TO orders_service;
