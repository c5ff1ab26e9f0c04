-- Which tenants are demo tenants, and whose address nobody else gets.

-- Made by the seed, and by nothing else: what is done to demo tenants at a start, such as connecting their payment account,
-- is done to no tenant that only has the name of one.
ALTER TABLE app.tenant_directory ADD COLUMN is_demo boolean NOT NULL DEFAULT false;
-- Those that were seeded before: they have the same ids on every machine, which no other way of making a tenant gives.
UPDATE app.tenant_directory SET is_demo = true
  WHERE id IN ('0191b1f6-6280-7ac3-8e00-000000000001', '0191b1f6-6280-7b10-9e00-000000000002');

CREATE FUNCTION app.is_demo() RETURNS boolean
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN coalesce((SELECT d.is_demo FROM app.tenant_directory d WHERE d.id = app.tenant_id()), false);
END
$$;
REVOKE ALL ON FUNCTION app.is_demo() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.is_demo() TO bulkhead_runtime;

-- Every address that a tenant has or had. Tokens, issuers bound to a tenant and links that are still about name a tenant by
-- its address: whoever got it next would get them. Kept for good, without the tenant: also when what is retained is purged.
CREATE TABLE app.used_slugs (
  slug    text PRIMARY KEY,
  used_at timestamptz(3) NOT NULL DEFAULT now()
);
INSERT INTO app.used_slugs (slug) SELECT d.slug FROM app.tenant_directory d UNION SELECT e.slug FROM app.erased_tenants e;

-- In a trigger: every way of making and renaming a tenant passes here. By the primary key, which holds against a transaction
-- that has not committed yet as well, where a look would not.
CREATE FUNCTION app.use_slug() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.slug = OLD.slug THEN
    RETURN NEW;
  END IF;
  INSERT INTO app.used_slugs (slug) VALUES (NEW.slug) ON CONFLICT DO NOTHING;
  -- One that a tenant still has is refused by the directory's own key.
  IF NOT FOUND AND NOT EXISTS (SELECT FROM app.tenant_directory d WHERE d.slug = NEW.slug) THEN
    RAISE EXCEPTION 'the address % was that of a tenant that is no more', NEW.slug USING ERRCODE = 'BK022';
  END IF;
  RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION app.use_slug() FROM PUBLIC;
CREATE TRIGGER tenant_directory_use_slug BEFORE INSERT OR UPDATE OF slug ON app.tenant_directory
  FOR EACH ROW EXECUTE FUNCTION app.use_slug();
