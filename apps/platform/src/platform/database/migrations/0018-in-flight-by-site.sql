-- In flight by site: beside the unique index by device no other begins with the account, or a planner that has not seen a
-- table grow takes the other one and reads the whole account for each device.
DROP INDEX rollout_device_at_site;
CREATE INDEX rollout_device_at_site ON rollout_device (site_id, account_id, rollout_id) WHERE state = 'IN_FLIGHT';
-- Which gateways share a site.
CREATE INDEX gateway_site ON gateway (site_id);
