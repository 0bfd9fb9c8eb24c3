-- Packages for Axis cameras: what they say beside architecture and version, and what a camera lets in.
ALTER TABLE app ALTER COLUMN signer_sha256 DROP NOT NULL;
ALTER TABLE app_package
  ADD COLUMN eap jsonb,
  ADD COLUMN os_versions jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN is_signed boolean NOT NULL DEFAULT true,
  ADD CONSTRAINT app_package_eap CHECK ((format = 'eap') = (eap IS NOT NULL)),
  DROP CONSTRAINT app_package_app_id_version_code_format_architectures_key,
  ADD CONSTRAINT app_package_once UNIQUE (app_id, version_code, format, architectures, os_versions, is_signed);
ALTER TABLE device ADD COLUMN unsigned_apps boolean;

-- The leading numbers of a firmware version: '11.11.73' is {11,11,73}; NULL where there are none.
CREATE FUNCTION os_version(version text) RETURNS integer[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT string_to_array(substring(version FROM '^\d{1,6}(?:\.\d{1,6}){0,5}'), '.')::integer[]
$$;
-- Whether a package runs on a version of AXIS OS. An upper bound holds for everything that begins with it; a package that
-- names no versions is refused from AXIS OS 13 on. Nothing stands against a camera whose version is not known.
CREATE FUNCTION axis_os_fits(ranges jsonb, firmware text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN os_version(firmware) IS NULL THEN true
    WHEN ranges = '[]' THEN os_version(firmware) < '{13}'
    ELSE EXISTS (SELECT 1 FROM jsonb_to_recordset(ranges) AS r(min text, max text)
      WHERE (r.min IS NULL OR os_version(r.min) <= os_version(firmware))
        AND (r.max IS NULL OR (os_version(firmware))[1:cardinality(os_version(r.max))] <= os_version(r.max)))
  END
$$;
