-- A cancellation without a scheduled erasure changes no row: it set the tenant's updated_at without an audit entry.
CREATE OR REPLACE FUNCTION app.schedule_erasure(days integer) RETURNS timestamptz
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
    SET erase_at = due, erase_requested_by = CASE WHEN due IS NOT NULL THEN 'TENANT' END
    WHERE d.id = tenant AND d.erase_at IS DISTINCT FROM due;
  UPDATE public.tenants t SET erasure_at = due, updated_at = now()
    WHERE t.tenant_id = tenant AND t.erasure_at IS DISTINCT FROM due;
  RETURN due;
END
$$;
