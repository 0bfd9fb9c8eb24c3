-- Which certificate counts on which platform, with those that it came after (PlatformSignature of packages/app-package).
-- Null for packages that were published before: theirs was one certificate for all platforms.
ALTER TABLE app_package ADD COLUMN signatures jsonb;
