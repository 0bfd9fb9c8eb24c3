-- A machine that enrolls with such a token takes over the devices of that gateway, which is revoked.
ALTER TABLE enrollment_token
  ADD COLUMN replaces_gateway_id uuid,
  ADD FOREIGN KEY (account_id, replaces_gateway_id) REFERENCES gateway (account_id, gateway_id) ON DELETE CASCADE;
