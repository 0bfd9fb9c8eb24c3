-- Where gateways look for a camera that no longer answers, beside their local networks.
ALTER TABLE site ADD COLUMN address_ranges text[] NOT NULL DEFAULT '{}';
-- What answers at a device's address instead of it, as its gateway told last.
ALTER TABLE device ADD COLUMN replacement jsonb;
