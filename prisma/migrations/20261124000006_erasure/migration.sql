-- A tenant's own life: its rows as text, in one order for taking along, putting back and erasing; and its end.

-- Applied at a start, in one transaction, where CONCURRENTLY cannot be.
-- squawk-ignore-file require-concurrent-index-creation, constraint-missing-not-valid

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

-- Every tenant's table, those that are referred to before those that refer; a new table joins by existing. A table's
-- references to itself do not count here: they are deferrable, see below.
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

-- One page of a table of the tenant in scope, in the order of its key: each row as JSON without its tenant, columns of
-- `hidden` emptied; and the same without the columns of `unproven`. The tenant's own id, as a whole value, is "\u0000",
-- which no text of PostgreSQL's can be. As the caller: whoever may not read a row does not get it.
CREATE FUNCTION app.export_page(
    target text, hidden text[], unproven text[], after text, rows_max integer, bytes_max integer)
  RETURNS TABLE (line text, proof text, key text)
  LANGUAGE plpgsql STABLE
  SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET bytea_output = 'hex' SET extra_float_digits = 1
AS $$
DECLARE
  tenant uuid := app.tenant_id();
  own_id text := to_json(tenant::text)::text;
  nobody text := '"\u0000"';
  blank jsonb := coalesce((SELECT jsonb_object_agg(h, NULL::text) FROM unnest(hidden) h), '{}');
  columns text;
  bounds text;
  as_texts text;
BEGIN
  -- Texts by their bytes, so that the order is the same on every server.
  SELECT string_agg(format('t.%I%s', a.attname, c.collated), ', ' ORDER BY i.n),
      string_agg(format('($4::jsonb ->> %s)::%s%s', i.n - 1, format_type(a.atttypid, NULL), c.collated), ', ' ORDER BY i.n),
      string_agg(format('t.%I::text', a.attname), ', ' ORDER BY i.n)
    INTO columns, bounds, as_texts
    FROM pg_index x
    CROSS JOIN LATERAL (SELECT k.attnum, row_number() OVER (ORDER BY k.n) AS n
      FROM unnest(x.indkey::smallint[]) WITH ORDINALITY k (attnum, n) WHERE k.n > 1) i
    JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = i.attnum
    CROSS JOIN LATERAL (SELECT CASE WHEN a.attcollation <> 0 THEN ' COLLATE "C"' ELSE '' END AS collated) c
    WHERE x.indrelid = format('public.%I', target)::regclass AND x.indisprimary;
  RETURN QUERY EXECUTE format($sql$
    SELECT replace(text_of.line, $2, $3), replace(text_of.proof, $2, $3), text_of.key
    FROM (
      SELECT page.n, page.key, (page.content || $5)::text AS line, (page.content - $6)::text AS proof,
        sum(length(page.content::text)) OVER (ORDER BY page.n) - length(page.content::text) AS before
      FROM (
        SELECT row_number() OVER (ORDER BY %1$s) AS n, to_jsonb(t) - 'tenant_id' AS content, to_json(ARRAY[%2$s]::text[])::text AS key
        FROM public.%3$I t
        WHERE t.tenant_id = $1 AND ($4 IS NULL OR %4$s)
        ORDER BY %1$s LIMIT $7
      ) page
    ) text_of
    WHERE text_of.before < $8 ORDER BY text_of.n
    $sql$, coalesce(columns, '1'), coalesce(as_texts, ''), target, coalesce('(' || columns || ') > (' || bounds || ')', 'false'))
    USING tenant, own_id, nobody, after, blank, unproven, rows_max, bytes_max;
END
$$;
REVOKE ALL ON FUNCTION app.export_page(text, text[], text[], text, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.export_page(text, text[], text[], text, integer, integer) TO bulkhead_runtime;

-- Who puts rows back in the order of their keys meets a reversal before what it reverses.
ALTER TABLE journal_entries ALTER CONSTRAINT journal_entries_tenant_id_reverses_id_fkey DEFERRABLE INITIALLY IMMEDIATE;

-- One export of a tenant at a time.
CREATE UNIQUE INDEX exports_tenant_id_running_key ON exports (tenant_id) WHERE status IN ('PENDING', 'RUNNING');

-- When a tenant is to be erased, and by whose will: its own, or the platform's. Begun, it is not undone.
ALTER TABLE app.tenant_directory
  ADD COLUMN erase_at timestamptz(3),
  ADD COLUMN erase_requested_by text CHECK (erase_requested_by IN ('TENANT', 'PLATFORM')),
  ADD COLUMN erasure_started_at timestamptz(3),
  ADD CONSTRAINT tenant_directory_erasure_check CHECK ((erase_at IS NULL) = (erase_requested_by IS NULL)),
  ADD CONSTRAINT tenant_directory_erasing_check CHECK (
    erasure_started_at IS NULL OR (erase_at IS NOT NULL AND status = 'SUSPENDED'));
CREATE INDEX tenant_directory_erase_at_idx ON app.tenant_directory (erase_at) WHERE erase_at IS NOT NULL;
-- Set beside the directory's, by the function below, and by nobody else.
REVOKE UPDATE (erasure_at) ON tenants FROM bulkhead_runtime;

-- That a tenant was, and is no more: granted to nobody, and behind no policy, since its tenant is gone.
CREATE TABLE app.erased_tenants (
  tenant_id    uuid PRIMARY KEY,
  slug         text NOT NULL,
  name         text NOT NULL,
  requested_by text NOT NULL CHECK (requested_by IN ('TENANT', 'PLATFORM')),
  erase_at     timestamptz(3) NOT NULL,
  started_at   timestamptz(3) NOT NULL DEFAULT now(),
  erased_at    timestamptz(3),
  row_counts   jsonb NOT NULL DEFAULT '{}',
  retain_until timestamptz(3) NOT NULL
);
CREATE INDEX erased_tenants_slug_idx ON app.erased_tenants (slug);
-- What the law wants kept of it: amounts, numbers and dates of its books; nobody's name, address or words.
CREATE TABLE app.retained_records (
  tenant_id uuid NOT NULL REFERENCES app.erased_tenants (tenant_id) ON DELETE RESTRICT,
  kind      text NOT NULL,
  id        uuid NOT NULL,
  content   jsonb NOT NULL,
  PRIMARY KEY (tenant_id, kind, id)
);

-- Which columns are kept of which table. Free text is in none of them: it may name a person.
CREATE FUNCTION app.retained_columns(target text) RETURNS text[]
  LANGUAGE sql IMMUTABLE
AS $$
  SELECT CASE target
    WHEN 'orders' THEN '{number,status,payment_status,currency,total_minor,paid_minor,refunded_minor,placed_at,fulfilled_at,cancelled_at}'::text[]
    WHEN 'payments' THEN '{order_id,provider_kind,status,amount_minor,currency,refunded_minor,fee_minor,created_at,settled_at}'
    WHEN 'refunds' THEN '{payment_id,status,amount_minor,currency,created_at,settled_at}'
    WHEN 'ledger_accounts' THEN '{code,name,type,currency,created_at}'
    WHEN 'journal_entries' THEN '{kind,source_type,source_id,reverses_id,posting_count,posted_at}'
    WHEN 'postings' THEN '{entry_id,position,account_id,currency,amount_minor,posted_at}'
  END
$$;
REVOKE ALL ON FUNCTION app.retained_columns(text) FROM PUBLIC;

-- By the tenant in scope itself, in so many days; NULL: not after all. The database keeps the time to think again, whoever
-- asks. What the platform has ordered, the tenant does not undo.
CREATE FUNCTION app.schedule_erasure(days integer) RETURNS timestamptz
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant uuid := app.tenant_id();
  entry app.tenant_directory;
  due timestamptz(3) := now() + make_interval(days => days);
BEGIN
  PERFORM app.may_write('{tenant:manage}');
  IF days NOT BETWEEN 7 AND 365 THEN
    RAISE EXCEPTION 'an erasure is 7 to 365 days away' USING ERRCODE = 'BK020';
  END IF;
  SELECT * INTO entry FROM app.tenant_directory d WHERE d.id = tenant FOR UPDATE;
  IF NOT FOUND OR entry.erasure_started_at IS NOT NULL OR entry.erase_requested_by = 'PLATFORM' THEN
    RAISE EXCEPTION 'this erasure is not the tenant''s own to change' USING ERRCODE = 'BK021';
  END IF;
  UPDATE app.tenant_directory d
    SET erase_at = due, erase_requested_by = CASE WHEN due IS NOT NULL THEN 'TENANT' END WHERE d.id = tenant;
  UPDATE public.tenants t SET erasure_at = due, updated_at = now() WHERE t.tenant_id = tenant;
  RETURN due;
END
$$;
REVOKE ALL ON FUNCTION app.schedule_erasure(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.schedule_erasure(integer) TO bulkhead_runtime;

-- Takes at most so many rows out of one table of the tenant in scope, and puts away what is to be kept of them in the same
-- statement: so a crash loses nothing of it, and keeps nothing twice. Rows that others of the table refer to come later.
CREATE FUNCTION app.erase_rows(target text, rows_max bigint) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
  tenant uuid := app.tenant_id();
  kept text[] := app.retained_columns(target);
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

-- At most so many rows of a tenant that is being erased, or was, wherever they are: those that refer before those that are
-- referred to, and at last its jobs. Answers how many they were; 0: nothing is left.
CREATE FUNCTION app.sweep_tenant(tenant uuid, rows_max bigint) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  scope_before text := current_setting('app.tenant_id', true);
  target text;
  removed bigint;
  total bigint := 0;
  counts jsonb := '{}';
BEGIN
  PERFORM set_config('app.tenant_id', tenant::text, true);
  FOR target IN SELECT t.table_name FROM app.tenant_tables() t ORDER BY t."position" DESC LOOP
    EXIT WHEN total >= rows_max;
    removed := app.erase_rows(target, rows_max - total);
    total := total + removed;
    IF removed > 0 THEN
      counts := counts || jsonb_build_object(target, removed);
    END IF;
  END LOOP;
  PERFORM set_config('app.tenant_id', coalesce(scope_before, ''), true);
  IF total < rows_max THEN
    DELETE FROM graphile_worker._private_jobs j WHERE j.id IN (
      SELECT o.id FROM graphile_worker._private_jobs o
      WHERE o.payload ->> 'tenantId' = tenant::text OR o.key LIKE tenant || ':%' LIMIT rows_max - total);
    GET DIAGNOSTICS removed = ROW_COUNT;
    total := total + removed;
    DELETE FROM graphile_worker._private_job_queues q WHERE q.queue_name LIKE tenant || ':%';
  END IF;
  UPDATE app.erased_tenants e SET row_counts = e.row_counts || (
      SELECT coalesce(jsonb_object_agg(c.key, c.value::bigint + coalesce((e.row_counts ->> c.key)::bigint, 0)), '{}')
      FROM jsonb_each_text(counts) c)
    WHERE e.tenant_id = tenant AND counts <> '{}';
  RETURN total;
END
$$;
REVOKE ALL ON FUNCTION app.sweep_tenant(uuid, bigint) FROM PUBLIC;

-- One step of an erasure that is due: SUSPENDED, so that nobody begins anything more; a moment until what was under way has
-- ended (WAITING); then batch by batch (ERASING), and the tenant's address last (ERASED): until it is gone, whoever comes
-- next goes on where the last one stopped. NOT_DUE: nothing was done.
CREATE FUNCTION app.erase_step(tenant uuid, rows_max bigint) RETURNS text
  LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  entry app.tenant_directory;
  scope_before text := current_setting('app.tenant_id', true);
BEGIN
  SELECT * INTO entry FROM app.tenant_directory d WHERE d.id = tenant AND d.erase_at <= now() FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 'NOT_DUE';
  ELSIF entry.erasure_started_at IS NULL THEN
    UPDATE app.tenant_directory d SET status = 'SUSPENDED', erasure_started_at = now() WHERE d.id = tenant;
    PERFORM set_config('app.tenant_id', tenant::text, true);
    INSERT INTO app.erased_tenants (tenant_id, slug, name, requested_by, erase_at, retain_until)
      SELECT entry.id, entry.slug, t.name, entry.erase_requested_by, entry.erase_at, now() + interval '10 years'
      FROM public.tenants t WHERE t.tenant_id = tenant;
    PERFORM set_config('app.tenant_id', coalesce(scope_before, ''), true);
    RETURN 'WAITING';
  ELSIF entry.erasure_started_at > now() - interval '10 seconds' THEN
    RETURN 'WAITING';
  ELSIF app.sweep_tenant(tenant, rows_max) > 0 THEN
    RETURN 'ERASING';
  END IF;
  DELETE FROM app.tenant_directory d WHERE d.id = tenant;
  UPDATE app.erased_tenants e SET erased_at = now() WHERE e.tenant_id = tenant;
  RETURN 'ERASED';
END
$$;
REVOKE ALL ON FUNCTION app.erase_step(uuid, bigint) FROM PUBLIC;

-- One step of the erasures that are due, for the worker, which belongs to no tenant and so can only hasten what is due
-- anyway. Answers whether to come back at once (ERASING, ERASED), soon (WAITING), or another day (IDLE). What a request
-- that was under way left behind is swept up for a day.
CREATE FUNCTION app.erase_due_tenants(rows_max integer) RETURNS text
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  bound bigint := least(greatest(rows_max, 1), 10000);
  state text;
  answer text := 'IDLE';
  candidate uuid;
BEGIN
  FOR candidate IN SELECT d.id FROM app.tenant_directory d WHERE d.erase_at <= now()
      ORDER BY d.erase_at, d.id LIMIT 10 FOR UPDATE SKIP LOCKED LOOP
    state := app.erase_step(candidate, bound);
    IF state IN ('ERASING', 'ERASED') THEN
      RETURN state;
    END IF;
    answer := 'WAITING';
  END LOOP;
  FOR candidate IN SELECT e.tenant_id FROM app.erased_tenants e WHERE e.erased_at > now() - interval '1 day'
      ORDER BY e.erased_at LIMIT 100 LOOP
    IF app.sweep_tenant(candidate, bound) > 0 THEN
      RETURN 'ERASING';
    END IF;
  END LOOP;
  RETURN answer;
END
$$;
REVOKE ALL ON FUNCTION app.erase_due_tenants(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.erase_due_tenants(integer) TO bulkhead_worker;
