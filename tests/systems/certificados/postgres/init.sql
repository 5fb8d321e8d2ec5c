-- Runs once, when the data directory is first initialised. Django's migrations own every other table.
CREATE TABLE issuer (
    name text PRIMARY KEY,
    value text NOT NULL
);
INSERT INTO issuer (name, value) VALUES ('initialised_by', 'init.sql');
