-- The walls: what every tenant-owned table stands on. No table of a tenant is made here.

-- The group that the server's login role belongs to. It owns nothing and may log in only where an operator says so.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'bulkhead_runtime') THEN
    CREATE ROLE bulkhead_runtime NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION;
  END IF;
END
$$;

CREATE SCHEMA app;
REVOKE ALL ON SCHEMA app FROM PUBLIC;
GRANT USAGE ON SCHEMA app TO bulkhead_runtime;

CREATE SCHEMA IF NOT EXISTS public;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO bulkhead_runtime;

-- The tenant of the running transaction. Raises when there is none: after a transaction-local setting has ended a
-- pooled session reads '', not NULL, and both must be loud. Policies call it in a sub-select: once per query.
CREATE FUNCTION app.tenant_id() RETURNS uuid
  LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
  setting text := pg_catalog.current_setting('app.tenant_id', true);
BEGIN
  IF setting IS NULL OR setting = '' THEN
    RAISE EXCEPTION 'no tenant in scope' USING ERRCODE = 'BK001';
  END IF;
  RETURN setting::uuid;
END
$$;
REVOKE ALL ON FUNCTION app.tenant_id() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.tenant_id() TO bulkhead_runtime;

-- Puts a table behind the wall, or refuses to: the one way for a table to become a tenant's. May be called again
-- after a column was added, to grant what is new. Append-only tables get neither UPDATE nor DELETE.
CREATE FUNCTION app.protect(target regclass, append_only boolean DEFAULT false) RETURNS void
  LANGUAGE plpgsql
AS $$
DECLARE
  -- Citus refuses sub-selects in policies; on PostgreSQL the sub-select makes a scan fifteen times cheaper.
  tenant_expression text := CASE
    WHEN EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus') THEN 'app.tenant_id()'
    ELSE '(SELECT app.tenant_id())'
  END;
  tenant_column smallint;
  offender text;
  updatable text;
BEGIN
  SELECT attnum INTO tenant_column FROM pg_catalog.pg_attribute
    WHERE attrelid = target AND attname = 'tenant_id' AND atttypid = 'uuid'::regtype AND NOT attisdropped;
  IF tenant_column IS NULL THEN
    RAISE EXCEPTION '% has no column tenant_id of type uuid', target;
  END IF;

  IF NOT EXISTS (SELECT FROM pg_catalog.pg_index
      WHERE indrelid = target AND indisprimary AND indkey[0] = tenant_column) THEN
    RAISE EXCEPTION 'the primary key of % must start with tenant_id', target;
  END IF;

  -- Unique and foreign-key checks look past row-level security: without the tenant in them they tell one tenant of
  -- another's rows, or attach to them.
  SELECT indexrelid::regclass::text INTO offender FROM pg_catalog.pg_index
    WHERE indrelid = target AND indkey[0] <> tenant_column LIMIT 1;
  IF offender IS NOT NULL THEN
    RAISE EXCEPTION 'index % must start with tenant_id', offender;
  END IF;
  SELECT conname INTO offender FROM pg_catalog.pg_constraint
    WHERE conrelid = target AND contype = 'f' AND NOT (tenant_column = ANY (conkey)) LIMIT 1;
  IF offender IS NOT NULL THEN
    RAISE EXCEPTION 'foreign key % must include tenant_id', offender;
  END IF;

  EXECUTE format('ALTER TABLE %s ALTER COLUMN tenant_id SET NOT NULL, ALTER COLUMN tenant_id SET DEFAULT app.tenant_id()', target);
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  IF EXISTS (SELECT FROM pg_catalog.pg_policy WHERE polrelid = target AND polname = 'tenant_isolation') THEN
    EXECUTE format('DROP POLICY tenant_isolation ON %s', target);
  END IF;
  EXECUTE format('CREATE POLICY tenant_isolation ON %s USING (tenant_id = %s) WITH CHECK (tenant_id = %s)',
    target, tenant_expression, tenant_expression);

  EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, bulkhead_runtime', target);
  EXECUTE format('GRANT SELECT, INSERT ON %s TO bulkhead_runtime', target);
  IF NOT append_only THEN
    SELECT string_agg(quote_ident(attname), ', ') INTO updatable FROM pg_catalog.pg_attribute
      WHERE attrelid = target AND attnum > 0 AND NOT attisdropped AND attname <> 'tenant_id';
    EXECUTE format('GRANT DELETE ON %s TO bulkhead_runtime', target);
    IF updatable IS NOT NULL THEN
      EXECUTE format('GRANT UPDATE (%s) ON %s TO bulkhead_runtime', updatable, target);
    END IF;
  END IF;
END
$$;
REVOKE ALL ON FUNCTION app.protect(regclass, boolean) FROM PUBLIC;

-- Every tenant's address: read before a tenant is known, so behind no policy, and granted to nobody. The runtime
-- role learns of one entry at a time, through app.resolve_member.
CREATE TABLE app.tenant_directory (
  id         uuid PRIMARY KEY,
  slug       text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9](-?[a-z0-9]){0,62}$'),
  status     text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'SUSPENDED')),
  created_at timestamptz(3) NOT NULL DEFAULT now()
);
