-- app.protect: how a table becomes a tenant's.

-- Columns that the runtime role may never update, by table: what was agreed or taken is not altered. Written by app.protect
-- alone, which would otherwise give the right to every column when it is called again for a new one.
CREATE TABLE app.frozen_columns (
  relation     regclass PRIMARY KEY,
  column_names text[] NOT NULL
);
REVOKE ALL ON app.frozen_columns FROM PUBLIC;

-- One policy per command for the runtime role, one for the owner, all permissive. Each names the tenant itself and relies on
-- no other: an engine that copies policies to other nodes without the words AS RESTRICTIVE would OR them. `writers`: the
-- permissions of which one is needed to write; left out: those that the table has, or any that writes. Other roles have no
-- policy, so they see nothing, whatever they were granted.
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
-- a new table gets by default. `frozen`: the columns that are never updated once a row is there.
-- May be called again: after a column was added, to grant UPDATE on it; or with other writers or frozen columns (left out:
-- those it has). A right that was revoked from the table meanwhile is not given back.
CREATE FUNCTION app.protect(
    target regclass, append_only boolean DEFAULT false, writers text[] DEFAULT NULL, frozen text[] DEFAULT NULL)
  RETURNS void
  LANGUAGE plpgsql
AS $$
DECLARE
  is_protected constant boolean := EXISTS (
    SELECT FROM pg_catalog.pg_policy WHERE polrelid = target AND polname = 'tenant_insert');
  all_frozen constant text[] := coalesce(
    frozen, (SELECT f.column_names FROM app.frozen_columns f WHERE f.relation = target), '{}');
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

  -- A column that was renamed would otherwise thaw under its new name.
  SELECT name INTO offender FROM unnest(all_frozen) name WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_attribute WHERE attrelid = target AND attname = name AND attnum > 0 AND NOT attisdropped) LIMIT 1;
  IF offender IS NOT NULL THEN
    RAISE EXCEPTION '% has no column %, which is frozen: name the frozen columns as they are now', target, offender;
  END IF;
  INSERT INTO app.frozen_columns (relation, column_names)
    SELECT target, all_frozen WHERE frozen IS NOT NULL
    ON CONFLICT ON CONSTRAINT frozen_columns_pkey DO UPDATE SET column_names = excluded.column_names;

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
      WHERE attrelid = target AND attnum > 0 AND NOT attisdropped AND attname <> 'tenant_id' AND attname <> ALL (all_frozen);
    EXECUTE format('REVOKE UPDATE ON %s FROM bulkhead_runtime', target);
    IF updatable IS NOT NULL THEN
      EXECUTE format('GRANT UPDATE (%s) ON %s TO bulkhead_runtime', updatable, target);
    END IF;
  END IF;
END
$$;
REVOKE ALL ON FUNCTION app.protect(regclass, boolean, text[], text[]) FROM PUBLIC;
