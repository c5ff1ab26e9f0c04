-- How a tenant's rows are erased, and which of their columns are kept.

-- Of which tables something is kept, and which columns: a row of a module's migration. Free text is in none of them: it may
-- name a person.
CREATE TABLE app.retained (
  table_name text PRIMARY KEY,
  columns    text[] NOT NULL CHECK (cardinality(columns) > 0)
);
REVOKE ALL ON app.retained FROM PUBLIC;

-- Takes at most so many rows out of one table of the tenant in scope, and puts away what is to be kept of them in the same
-- statement: so a crash loses nothing of it, and keeps nothing twice. Rows that others of the table refer to come later.
CREATE FUNCTION app.erase_rows(target text, rows_max bigint) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
  tenant uuid := app.tenant_id();
  kept text[] := (SELECT r.columns FROM app.retained r WHERE r.table_name = target);
  unreferred text;
  statement text;
  removed bigint;
BEGIN
  SELECT string_agg(format(' AND NOT EXISTS (SELECT FROM public.%I o WHERE o.tenant_id = t.tenant_id AND %s AND o.ctid <> t.ctid)',
      target, pairs.equal), '') INTO unreferred
    FROM pg_constraint k
    CROSS JOIN LATERAL (
      SELECT string_agg(format('o.%I = t.%I', mine.attname, theirs.attname), ' AND ') AS equal
      FROM unnest(k.conkey, k.confkey) AS pair (mine, theirs)
      JOIN pg_attribute mine ON mine.attrelid = k.conrelid AND mine.attnum = pair.mine
      JOIN pg_attribute theirs ON theirs.attrelid = k.confrelid AND theirs.attnum = pair.theirs) pairs
    WHERE k.contype = 'f' AND k.conrelid = format('public.%I', target)::regclass AND k.confrelid = k.conrelid;
  statement := format($sql$
    WITH gone AS (
      DELETE FROM public.%1$I WHERE tenant_id = $1 AND ctid = ANY (ARRAY(
        SELECT t.ctid FROM public.%1$I t WHERE t.tenant_id = $1 %%s LIMIT $2)) RETURNING *
    )%2$s SELECT count(*) FROM gone$sql$, target, CASE WHEN kept IS NOT NULL THEN format($sql$, kept AS (
      INSERT INTO app.retained_records (tenant_id, kind, id, content)
      SELECT $1, %L, gone.id, (SELECT jsonb_object_agg(name, to_jsonb(gone) -> name) FROM unnest($3) name) FROM gone
      ON CONFLICT DO NOTHING)$sql$, target) ELSE '' END);
  EXECUTE format(statement, coalesce(unreferred, '')) INTO removed USING tenant, rows_max, kept;
  IF removed = 0 AND unreferred IS NOT NULL THEN
    -- Nothing is left, or they refer to each other in a circle: then only all at once.
    EXECUTE format(statement, '') INTO removed USING tenant, NULL::bigint, kept;
  END IF;
  RETURN removed;
END
$$;
REVOKE ALL ON FUNCTION app.erase_rows(text, bigint) FROM PUBLIC;
