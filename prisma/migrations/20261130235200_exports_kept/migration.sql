-- How much of a tenant's exports is kept.

-- Applied at a start, in one transaction, where CONCURRENTLY cannot be; the tables are short.
-- squawk-ignore-file require-concurrent-index-creation, constraint-missing-not-valid

-- An export whose file is gone: its time was over, or later ones took its place.
ALTER TYPE export_status ADD VALUE 'EXPIRED' AFTER 'FAILED';

-- Of one file, in bytes: four GiB, which is some hundred million rows. The server gives up before.
ALTER TABLE exports ADD CONSTRAINT exports_byte_count_check CHECK (byte_count BETWEEN 0 AND 4294967296);

-- At the end of the transaction, so that an older one may end in the one that completes the next.
CREATE FUNCTION app.bound_exports() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF (SELECT count(*) FROM public.exports e WHERE e.tenant_id = NEW.tenant_id AND e.status = 'COMPLETED') > 3 THEN
    RAISE EXCEPTION 'a tenant keeps three exports' USING ERRCODE = 'BK030';
  END IF;
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION app.bound_exports() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER exports_kept AFTER INSERT OR UPDATE OF status ON exports
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'COMPLETED') EXECUTE FUNCTION app.bound_exports();
