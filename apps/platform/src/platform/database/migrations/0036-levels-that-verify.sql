-- Cameras that know none of a package's signatures cannot verify it: they are not to be offered it. Packages with v3 alone (from API
-- level 28 on) were kept with the level of their manifest. Of v2 alone it is not known any more whether v1 was beside it.
UPDATE app_package p SET min_platform_level = s.level
FROM (SELECT q.package_id, min((one->>'minLevel')::int) AS level
  FROM app_package q, jsonb_array_elements(q.signatures) AS one WHERE q.signatures IS NOT NULL GROUP BY q.package_id) s
WHERE p.package_id = s.package_id AND p.min_platform_level < s.level;
