-- Every policy names the tenant itself. Until now three restrictive policies held writes, and relied on a permissive one to
-- hold the tenant: an engine that copies policies to other nodes without the words AS RESTRICTIVE would have OR-ed them, and
-- let a session of one tenant write the rows of all.

-- One policy per command for the runtime role, one for the owner, all permissive. `writers`: the permissions of which one is
-- needed to write; left out: those that the table has, or any that writes. Other roles have no policy, so they see nothing,
-- whatever they were granted.
CREATE FUNCTION app.set_policies(target regclass, writers text[] DEFAULT NULL) RETURNS void
  LANGUAGE plpgsql
AS $$
DECLARE
  kept_writers constant text[] := (
    SELECT substring(pg_catalog.pg_get_expr(polwithcheck, polrelid) from $re$'({[^']*})'::text\[\]$re$)::text[]
    FROM pg_catalog.pg_policy WHERE polrelid = target AND polname IN ('tenant_insert', 'write_insert'));
  -- In sub-selects: once per query. A scan of a million rows took 42 ms so, and 637 ms with a bare call.
  tenant constant text := 'tenant_id = (SELECT app.tenant_id())';
  tenant_and_writer constant text := format('%s AND (SELECT app.may_write(%L::text[]))', tenant, coalesce(writers, kept_writers, '{}'));
  table_owner constant text := (SELECT relowner::regrole::text FROM pg_catalog.pg_class WHERE oid = target);
  former text;
BEGIN
  FOR former IN SELECT polname FROM pg_catalog.pg_policy WHERE polrelid = target AND polname IN (
      'tenant_isolation', 'write_insert', 'write_update', 'write_delete',
      'tenant_select', 'tenant_insert', 'tenant_update', 'tenant_delete', 'tenant_owner') LOOP
    EXECUTE format('DROP POLICY %I ON %s', former, target);
  END LOOP;
  EXECUTE format('CREATE POLICY tenant_select ON %s FOR SELECT TO bulkhead_runtime USING (%s)', target, tenant);
  EXECUTE format('CREATE POLICY tenant_insert ON %s FOR INSERT TO bulkhead_runtime WITH CHECK (%s)', target, tenant_and_writer);
  EXECUTE format('CREATE POLICY tenant_update ON %s FOR UPDATE TO bulkhead_runtime USING (%s) WITH CHECK (%s)',
    target, tenant_and_writer, tenant);
  EXECUTE format('CREATE POLICY tenant_delete ON %s FOR DELETE TO bulkhead_runtime USING (%s)', target, tenant_and_writer);
  EXECUTE format('CREATE POLICY tenant_owner ON %s TO %s USING (%s) WITH CHECK (%s)', target, table_owner, tenant, tenant);
END
$$;
REVOKE ALL ON FUNCTION app.set_policies(regclass, text[]) FROM PUBLIC;

-- Puts a table behind the wall, or refuses to: the one way for a table to become a tenant's. Append-only tables get neither
-- UPDATE nor DELETE. `writers`: the permissions of which one is needed to write to it; '{}': any that writes, which is what
-- a new table gets by default.
-- May be called again: after a column was added, to grant UPDATE on it; or with other writers (left out: those it has). A
-- right that was revoked from the table meanwhile is not given back.
CREATE OR REPLACE FUNCTION app.protect(target regclass, append_only boolean DEFAULT false, writers text[] DEFAULT NULL) RETURNS void
  LANGUAGE plpgsql
AS $$
DECLARE
  is_protected constant boolean := EXISTS (
    SELECT FROM pg_catalog.pg_policy WHERE polrelid = target AND polname = 'tenant_insert');
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
  PERFORM app.set_policies(target, writers);

  IF NOT is_protected THEN
    EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, bulkhead_runtime', target);
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON %s TO bulkhead_runtime', target);
  END IF;
  IF append_only THEN
    EXECUTE format('REVOKE UPDATE, DELETE ON %s FROM bulkhead_runtime', target);
  ELSIF NOT is_protected OR has_any_column_privilege('bulkhead_runtime', target, 'UPDATE') THEN
    SELECT string_agg(quote_ident(attname), ', ') INTO updatable FROM pg_catalog.pg_attribute
      WHERE attrelid = target AND attnum > 0 AND NOT attisdropped AND attname <> 'tenant_id';
    IF updatable IS NOT NULL THEN
      EXECUTE format('GRANT UPDATE (%s) ON %s TO bulkhead_runtime', updatable, target);
    END IF;
  END IF;
END
$$;

-- The tables that are there: each keeps its writers, and its rights as they are.
SELECT app.set_policies(polrelid::regclass) FROM pg_catalog.pg_policy WHERE polname = 'write_insert';
