-- A license key of a camera's vendor takes no unit, and stands beside what the platform issued for the same pair.
DROP INDEX license_held_once;
CREATE UNIQUE INDEX license_held_once ON license (account_id, app_id, device_id, license_type)
  WHERE state IN ('RESERVED', 'VALID') AND issuer = 'PLATFORM';
CREATE UNIQUE INDEX license_vendor_once ON license (account_id, app_id, device_id)
  WHERE state IN ('RESERVED', 'VALID') AND issuer = 'VENDOR';
ALTER TABLE license ADD CONSTRAINT license_vendor_takes_no_unit CHECK (issuer = 'PLATFORM' OR (order_id IS NULL AND state <> 'RESERVED'));
