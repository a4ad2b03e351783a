-- The image of PostgreSQL creates the database named after POSTGRES_USER (shop) by itself.
CREATE DATABASE catalogue;
CREATE DATABASE payment;
