-- Runs once, when the data directory is first initialised. Django's migrations own every other table.
CREATE TABLE IF NOT EXISTS site_setting (
    name VARCHAR(64) NOT NULL PRIMARY KEY,
    value VARCHAR(255) NOT NULL
);
INSERT INTO site_setting (name, value) VALUES ('initialised_by', 'init.sql');
