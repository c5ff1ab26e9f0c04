-- A tenant's rows as text, to take along.

-- Applied at a start, in one transaction, where CONCURRENTLY cannot be.
-- squawk-ignore-file require-concurrent-index-creation

CREATE TYPE "export_status" AS ENUM ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'EXPIRED');

CREATE TABLE "exports" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "status" "export_status" NOT NULL DEFAULT 'PENDING',
    "requested_by" TEXT NOT NULL,
    "row_count" INTEGER NOT NULL DEFAULT 0,
    "byte_count" BIGINT NOT NULL DEFAULT 0,
    "sha256" TEXT,
    "failure" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "completed_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3),

    CONSTRAINT "exports_pkey" PRIMARY KEY ("tenant_id","id")
);
CREATE INDEX "exports_tenant_id_created_at_id_idx" ON "exports"("tenant_id", "created_at", "id");

CREATE TABLE "export_chunks" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "export_id" UUID NOT NULL,
    "position" INTEGER NOT NULL,
    "content" BYTEA NOT NULL,

    CONSTRAINT "export_chunks_pkey" PRIMARY KEY ("tenant_id","id")
);
CREATE UNIQUE INDEX "export_chunks_tenant_id_export_id_position_key" ON "export_chunks"("tenant_id", "export_id", "position");
ALTER TABLE "export_chunks" ADD CONSTRAINT "export_chunks_tenant_id_export_id_fkey" FOREIGN KEY ("tenant_id", "export_id") REFERENCES "exports"("tenant_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;

-- Of one file, in bytes: four GiB, which is some hundred million rows. The server gives up before.
ALTER TABLE exports ADD CONSTRAINT exports_byte_count_check CHECK (byte_count BETWEEN 0 AND 4294967296);
-- One export of a tenant at a time.
CREATE UNIQUE INDEX exports_tenant_id_running_key ON exports (tenant_id) WHERE status IN ('PENDING', 'RUNNING');

SELECT app.protect('exports', writers => '{tenant:manage}');
SELECT app.protect('export_chunks', writers => '{system}');

-- How many files a tenant keeps. At the end of the transaction, so that an older one may end in the one that completes the
-- next.
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

-- One page of a table of the tenant in scope, in the order of its key: each row as JSON without its tenant, columns of
-- `hidden` emptied; and the same without the columns of `unproven`. A column of type uuid that has the tenant's own id is
-- `true` in the row, which no other value of such a column is: a text that somebody wrote is never looked at. Runs with
-- the caller's rights: rows that the caller may not read are not in it.
CREATE FUNCTION app.export_page(
    target text, hidden text[], unproven text[], after text, rows_max integer, bytes_max integer)
  RETURNS TABLE (line text, proof text, key text)
  LANGUAGE plpgsql STABLE
  SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET bytea_output = 'hex' SET extra_float_digits = 1
AS $$
DECLARE
  tenant uuid := app.tenant_id();
  blank jsonb := coalesce((SELECT jsonb_object_agg(h, NULL::text) FROM unnest(hidden) h), '{}');
  own_ids text;
  columns text;
  bounds text;
  as_texts text;
BEGIN
  SELECT string_agg(format(' || CASE WHEN t.%1$I = $1 THEN jsonb_build_object(%1$L, true) ELSE ''{}''::jsonb END', a.attname), '')
    INTO own_ids FROM pg_attribute a
    WHERE a.attrelid = format('public.%I', target)::regclass AND a.attnum > 0 AND NOT a.attisdropped
      AND a.atttypid = 'uuid'::regtype AND a.attname <> 'tenant_id';
  -- Texts by their bytes, so that the order is the same on every server.
  SELECT string_agg(format('t.%I%s', a.attname, c.collated), ', ' ORDER BY i.n),
      string_agg(format('($2::jsonb ->> %s)::%s%s', i.n - 1, format_type(a.atttypid, NULL), c.collated), ', ' ORDER BY i.n),
      string_agg(format('t.%I::text', a.attname), ', ' ORDER BY i.n)
    INTO columns, bounds, as_texts
    FROM pg_index x
    CROSS JOIN LATERAL (SELECT k.attnum, row_number() OVER (ORDER BY k.n) AS n
      FROM unnest(x.indkey::smallint[]) WITH ORDINALITY k (attnum, n) WHERE k.n > 1) i
    JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = i.attnum
    CROSS JOIN LATERAL (SELECT CASE WHEN a.attcollation <> 0 THEN ' COLLATE "C"' ELSE '' END AS collated) c
    WHERE x.indrelid = format('public.%I', target)::regclass AND x.indisprimary;
  RETURN QUERY EXECUTE format($sql$
    SELECT text_of.line, text_of.proof, text_of.key
    FROM (
      SELECT page.n, page.key, (page.content || $3)::text AS line, (page.content - $4)::text AS proof,
        sum(length(page.content::text)) OVER (ORDER BY page.n) - length(page.content::text) AS before
      FROM (
        SELECT row_number() OVER (ORDER BY %1$s) AS n, to_jsonb(t) - 'tenant_id'%5$s AS content,
          to_json(ARRAY[%2$s]::text[])::text AS key
        FROM public.%3$I t
        WHERE t.tenant_id = $1 AND ($2 IS NULL OR %4$s)
        ORDER BY %1$s LIMIT $5
      ) page
    ) text_of
    WHERE text_of.before < $6 ORDER BY text_of.n
    $sql$, coalesce(columns, '1'), coalesce(as_texts, ''), target, coalesce('(' || columns || ') > (' || bounds || ')', 'false'),
      coalesce(own_ids, ''))
    USING tenant, after, blank, unproven, rows_max, bytes_max;
END
$$;
REVOKE ALL ON FUNCTION app.export_page(text, text[], text[], text, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.export_page(text, text[], text[], text, integer, integer) TO bulkhead_runtime;
