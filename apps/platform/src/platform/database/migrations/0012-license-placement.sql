-- Where an app without protection by its camera's vendor expects its license file; NULL: nowhere but where the camera keeps licenses.
ALTER TABLE app ADD COLUMN license_placement jsonb CHECK (jsonb_typeof(license_placement) = 'object');
