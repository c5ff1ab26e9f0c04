-- Tenants: their addresses, and what each is called.

-- Every tenant's address and state: read before a tenant is known, so behind no policy, and granted to nobody. The functions
-- below and those that resolve a caller tell of one entry at a time. `is_demo`: made by the seed, and by nothing else; what is
-- done to demo tenants at a start is done to no tenant that only has the name of one. `erase_at`: when it is to be erased, and
-- by whose will, its own or the platform's; begun, it is not undone.
CREATE TABLE app.tenant_directory (
  id                 uuid PRIMARY KEY,
  slug               text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9](-?[a-z0-9]){0,62}$'),
  status             text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'SUSPENDED')),
  created_at         timestamptz(3) NOT NULL DEFAULT now(),
  erase_at           timestamptz(3),
  erase_requested_by text CHECK (erase_requested_by IN ('TENANT', 'PLATFORM')),
  erasure_started_at timestamptz(3),
  is_demo            boolean NOT NULL DEFAULT false,
  CONSTRAINT tenant_directory_erasure_check CHECK ((erase_at IS NULL) = (erase_requested_by IS NULL)),
  CONSTRAINT tenant_directory_erasing_check CHECK (
    erasure_started_at IS NULL OR (erase_at IS NOT NULL AND status = 'SUSPENDED'))
);
CREATE INDEX tenant_directory_erase_at_idx ON app.tenant_directory (erase_at) WHERE erase_at IS NOT NULL;

-- Every address that a tenant has or had. Tokens, issuers bound to a tenant and links that are still about name a tenant by
-- its address, so the next tenant with that address would get them. Rows stay for good, without the tenant, also after the
-- retained records are purged.
CREATE TABLE app.used_slugs (
  slug    text PRIMARY KEY,
  used_at timestamptz(3) NOT NULL DEFAULT now()
);

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

CREATE TABLE "tenants" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "name" TEXT NOT NULL,
    "currency" CHAR(3) NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "erasure_at" TIMESTAMPTZ(3),

    CONSTRAINT "tenants_pkey" PRIMARY KEY ("tenant_id")
);

ALTER TABLE tenants
  ADD CONSTRAINT tenants_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  ADD CONSTRAINT tenants_name_check CHECK (length(name) BETWEEN 1 AND 255);

-- erasure_at is kept equal to the directory's by app.schedule_erasure, and by nobody else.
SELECT app.protect('tenants', writers => '{tenant:manage,payments:manage,members:manage}', frozen => '{erasure_at}');
-- A tenant is made and unmade by the platform, never by a tenant's request.
REVOKE INSERT, DELETE ON tenants FROM bulkhead_runtime;

CREATE FUNCTION app.is_demo() RETURNS boolean
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN coalesce((SELECT d.is_demo FROM app.tenant_directory d WHERE d.id = app.tenant_id()), false);
END
$$;
REVOKE ALL ON FUNCTION app.is_demo() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.is_demo() TO bulkhead_runtime;

-- A tenant's address and state, by id or by slug: at most one row.
CREATE FUNCTION app.resolve_tenant(tenant uuid, tenant_key text)
  RETURNS TABLE (tenant_id uuid, tenant_slug text, tenant_status text)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM app.before_tenant();
  RETURN QUERY
    SELECT d.id, d.slug, d.status FROM app.tenant_directory d WHERE d.id = tenant OR d.slug = tenant_key LIMIT 1;
END
$$;
REVOKE ALL ON FUNCTION app.resolve_tenant(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.resolve_tenant(uuid, text) TO bulkhead_runtime;

-- Queues a job for each active tenant: for the schedule, which belongs to none. One of a tenant waits at a time, and one
-- at most is dead: the queue would otherwise keep another dead letter of each time that failed. All in one statement:
-- tenant by tenant, 5,000 took four seconds.
CREATE FUNCTION app.enqueue_for_tenants(task text, attempts_max integer DEFAULT 25) RETURNS integer
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  queued integer;
BEGIN
  DELETE FROM graphile_worker._private_jobs j USING app.tenant_directory d
    WHERE d.status = 'ACTIVE' AND j.key = d.id || ':schedule:' || task
      AND j.locked_at IS NULL AND j.attempts >= j.max_attempts;
  SELECT count(*) INTO queued FROM graphile_worker.add_jobs(ARRAY(
    SELECT ROW(task, json_build_object('tenantId', d.id), d.id || ':0', NULL, attempts_max, d.id || ':schedule:' || task,
      NULL, NULL)::graphile_worker.job_spec
    FROM app.tenant_directory d WHERE d.status = 'ACTIVE'));
  RETURN queued;
END
$$;
REVOKE ALL ON FUNCTION app.enqueue_for_tenants(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.enqueue_for_tenants(text, integer) TO bulkhead_worker;

INSERT INTO app.tasks (name, queued_by) VALUES
  ('invitation.mail', '{members:manage}'),
  ('tenant.export', '{tenant:manage}'),
  ('idempotency.clean', '{system}'),
  ('tenant.clean-exports', '{system}'),
  ('integrity.check', '{system}'),
  ('audit.seal', '{system}');
