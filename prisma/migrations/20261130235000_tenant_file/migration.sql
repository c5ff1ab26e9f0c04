-- A tenant's file names the installation that made it, and holds every text as it is.

-- This installation's public name: made once, the same for every server and through every change of keys. It is no secret
-- and proves nothing; the file's mac does.
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

-- As it was, but for the tenant's own id. It was replaced in the text of the row, so that a text that somebody wrote was
-- replaced too where it was that id, or ended in it after a quotation mark. Now a column of type uuid that has it is `true`
-- in the row, which no other value of such a column is; texts are never looked at.
CREATE OR REPLACE FUNCTION app.export_page(
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
