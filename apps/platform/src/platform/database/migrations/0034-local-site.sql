-- The site of the built-in gateway, whatever people call it: a gateway that enrolls again keeps its id within its site alone.
ALTER TABLE site ADD COLUMN is_local boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX site_one_local ON site (is_local) WHERE is_local;
UPDATE site SET is_local = true WHERE name = 'Local' AND account_id IN (SELECT account_id FROM account WHERE is_operator);
