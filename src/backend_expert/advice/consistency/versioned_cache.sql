-- The version grows with every change of the row, in the statement that changes it.
ALTER TABLE product ADD COLUMN version integer NOT NULL DEFAULT 0;

UPDATE product SET name = 'Lamp, brass', version = version + 1 WHERE id = 'A-17' RETURNING name, version;
