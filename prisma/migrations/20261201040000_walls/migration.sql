-- The walls: what every tenant's table stands on, whatever the modules are. No table of a tenant is made here.

-- The group that the server's login role belongs to. It owns nothing and may log in only where an operator says so.
-- bulkhead_worker is the group of the role that runs jobs: it may use the queue and nothing else. It never sees a tenant's row,
-- since the work itself is done as the runtime role, in the scope of the tenant that the job is stamped with.
DO $$
DECLARE
  missing text;
BEGIN
  FOR missing IN SELECT name FROM unnest('{bulkhead_runtime,bulkhead_worker}'::text[]) name
      WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = name) LOOP
    EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION', missing);
  END LOOP;
END
$$;

CREATE SCHEMA app;
REVOKE ALL ON SCHEMA app FROM PUBLIC;
GRANT USAGE ON SCHEMA app TO bulkhead_runtime, bulkhead_worker;

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

-- Raises where a tenant is in scope. Called by functions that are asked before a tenant is known: from within a scope they
-- would tell of other tenants.
CREATE FUNCTION app.before_tenant() RETURNS void
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF coalesce(current_setting('app.tenant_id', true), '') <> '' THEN
    RAISE EXCEPTION 'this is asked before a tenant is known, and one is in scope' USING ERRCODE = 'BK005';
  END IF;
END
$$;
REVOKE ALL ON FUNCTION app.before_tenant() FROM PUBLIC;

-- The second wall, inside a tenant: who may only read cannot write, whatever the SQL. Every statement of the server carries
-- the caller's permissions that write, and each table says by which of them its rows may be written.
-- True, or raises: a write that is refused must be loud, where a policy that is merely false would hide the row. With no
-- names needed, any permission that writes will do.
CREATE FUNCTION app.may_write(needed text[]) RETURNS boolean
  LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
  granted text := pg_catalog.current_setting('app.permissions', true);
BEGIN
  IF granted = '*' OR (granted <> '' AND (needed = '{}' OR string_to_array(granted, ',') && needed)) THEN
    RETURN true;
  END IF;
  RAISE EXCEPTION 'this needs a permission to write: %', needed USING ERRCODE = 'BK004';
END
$$;
REVOKE ALL ON FUNCTION app.may_write(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.may_write(text[]) TO bulkhead_runtime;

-- Every tenant's table, those that are referred to before those that refer; a new table joins by existing. A table's
-- references to itself do not count here: make them deferrable.
CREATE FUNCTION app.tenant_tables() RETURNS TABLE ("position" integer, table_name text)
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  waiting oid[] := ARRAY(
    SELECT c.oid FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.atttypid = 'uuid'::regtype AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r');
  ready oid[];
  placed integer := 0;
BEGIN
  WHILE cardinality(waiting) > 0 LOOP
    ready := ARRAY(SELECT w FROM unnest(waiting) w WHERE NOT EXISTS (
      SELECT FROM pg_constraint k
      WHERE k.contype = 'f' AND k.conrelid = w AND k.confrelid <> w AND k.confrelid = ANY (waiting)));
    IF cardinality(ready) = 0 THEN
      RAISE EXCEPTION 'tables refer to each other in a circle: %', waiting::regclass[];
    END IF;
    RETURN QUERY SELECT placed + row_number() OVER (ORDER BY c.relname)::integer, c.relname::text
      FROM pg_class c WHERE c.oid = ANY (ready) ORDER BY c.relname;
    placed := placed + cardinality(ready);
    waiting := ARRAY(SELECT w FROM unnest(waiting) w WHERE w <> ALL (ready));
  END LOOP;
END
$$;
REVOKE ALL ON FUNCTION app.tenant_tables() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.tenant_tables() TO bulkhead_runtime;

-- The newest migration: what an exported file must have been made under to be put back. The record itself is the owner's.
CREATE FUNCTION app.schema_version() RETURNS text
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (SELECT max(m.migration_name) FROM public._prisma_migrations m WHERE m.finished_at IS NOT NULL);
END
$$;
REVOKE ALL ON FUNCTION app.schema_version() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.schema_version() TO bulkhead_runtime;

-- The form in which addresses are stored and compared, the same as the server's (src/core/email.ts) on every locale: Unicode
-- NFC, then A-Z as a-z, nothing else, since lower() follows the locale. Its own functions are bound when it is made, so that
-- no search_path gives them another meaning, and it is in-lined where it is called.
CREATE FUNCTION app.normalize_email(address text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN translate(normalize(address, NFC), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz');

-- Whether somebody may be known by it: in its form, to be seen whole, and one address to mail software. What it may not hold
-- stands by code points, since what a class such as [:space:] holds follows the locale: Unicode's controls, formats, blanks,
-- private use and what it ignores, U+2800, U+16FE4, U+1D159, and the specials of RFC 5322. The domain is as mail software
-- looks it up: no full-width letter, no other dot than the full stop, no empty label. What Unicode has not assigned is the
-- server's to refuse: a list of that would be wrong with the next version.
CREATE FUNCTION app.is_email(address text) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN address = app.normalize_email(address) AND length(address) BETWEEN 3 AND 254
    AND address COLLATE "C" ~ '^[^@]+@[^@]+$'
    AND address COLLATE "C" !~ '[\u0001-\u0020\u0022\u0028\u0029\u002C\u003A-\u003C\u003E\u005B-\u005D\u007F-\u00A0\u00AD\u034F\u0600-\u0605\u061C\u06DD\u070F\u0890\u0891\u08E2\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F\u2000-\u200F\u2028-\u202F\u205F-\u206F\u2800\u3000\u3164\uE000-\uF8FF\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\U000110BD\U000110CD\U00013430-\U0001343F\U00016FE4\U0001BCA0-\U0001BCA3\U0001D159\U0001D173-\U0001D17A\U000E0000-\U000E0FFF\U000F0000-\U000FFFFD\U00100000-\U0010FFFD]'
    AND normalize(split_part(address, '@', 2), NFKC) = split_part(address, '@', 2)
    AND split_part(address, '@', 2) COLLATE "C" !~ '^\.|\.\.|\.$|\u3002';
-- CHECK constraints call both with the rights of the role that writes, so the runtime role needs them.
REVOKE ALL ON FUNCTION app.normalize_email(text), app.is_email(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.normalize_email(text), app.is_email(text) TO bulkhead_runtime;

-- This installation's public name: made once, the same for every server and through every change of keys. It is no secret
-- and proves nothing; the mac of an exported file does.
CREATE TABLE app.installation (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  id      uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO app.installation DEFAULT VALUES;

CREATE FUNCTION app.installation_id() RETURNS uuid
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (SELECT i.id FROM app.installation i);
END
$$;
REVOKE ALL ON FUNCTION app.installation_id() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.installation_id() TO bulkhead_runtime;
