-- A tenant's end: when it comes, and what is known of it afterwards.

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

-- By the tenant in scope itself, in so many days; NULL: not after all. The database enforces the waiting time for every
-- caller. What the platform has ordered, the tenant does not undo.
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
-- ended (WAITING); then batch by batch (ERASING), and the tenant's address last (ERASED): until it is gone, the
-- next call goes on where the last one stopped. NOT_DUE: nothing was done.
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
