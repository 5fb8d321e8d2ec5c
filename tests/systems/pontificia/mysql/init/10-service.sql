-- Runs once in each of the eight databases, when its data directory is first initialised.
CREATE TABLE initialised (
    made_by VARCHAR(64) NOT NULL PRIMARY KEY
);
INSERT INTO initialised (made_by) VALUES ('init.sql');
