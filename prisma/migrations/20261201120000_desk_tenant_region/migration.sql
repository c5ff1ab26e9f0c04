-- A tenant's time zone, in which its days begin, and its language, by which its names are sorted.
-- squawk-ignore-file constraint-missing-not-valid -- a row per tenant: the table is small

-- For the CHECK below: PostgreSQL raises an error for an unknown zone, where a constraint's name tells what is wrong.
CREATE FUNCTION app.is_time_zone(zone text) RETURNS boolean
  LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN timezone(zone, TIMESTAMPTZ 'epoch') IS NOT NULL;
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN false;
END
$$;
REVOKE ALL ON FUNCTION app.is_time_zone(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.is_time_zone(text) TO bulkhead_runtime;

ALTER TABLE "tenants" ADD COLUMN     "locale" TEXT NOT NULL DEFAULT 'en',
ADD COLUMN     "time_zone" TEXT NOT NULL DEFAULT 'UTC';

ALTER TABLE tenants
  ADD CONSTRAINT tenants_time_zone_check CHECK (length(time_zone) <= 64 AND app.is_time_zone(time_zone)),
  ADD CONSTRAINT tenants_locale_check CHECK (locale ~ '^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$' AND length(locale) <= 35);

-- The right to update is granted column by column: again, for the new ones.
SELECT app.protect('tenants');
