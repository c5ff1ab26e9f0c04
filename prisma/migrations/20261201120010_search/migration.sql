-- Text search: the words of the searched columns, in a table of the tenant's own. An index on words or on parts of words is
-- not used behind row-level security, since its operators are not leakproof; comparisons of texts by a B-tree are.

-- A text in the form in which words are compared: without case, accents and compatibility forms (é, ﬁ, １ are e, fi, 1), and
-- with letters for those that decompose to nothing. src/graphql/fold.ts does the same to a query: a test compares both.
CREATE FUNCTION app.fold(content text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT replace(replace(replace(replace(
    translate(
      regexp_replace(
        normalize(lower(normalize(content, NFKD) COLLATE "und-x-icu"), NFKD),
        U&'[\0300-\036F\1AB0-\1AFF\1DC0-\1DFF\20D0-\20FF\FE20-\FE2F\0591-\05BD\05BF\05C1\05C2\05C4\05C5\05C7\0610-\061A\064B-\065F\0670]+', '', 'g'),
      'øłđðħıŧςŋ', 'olddhitσn'),
    'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th')
$$;
REVOKE ALL ON FUNCTION app.fold(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.fold(text) TO bulkhead_runtime;

-- The words of a text: what stands between spaces, and its ends from each part on, so that the beginning of each part finds it:
-- `RED-KETTLE/XL` is red-kettle/xl, kettle/xl and xl. A script without spaces has a part from each character on.
CREATE FUNCTION app.words_of(content text) RETURNS text[]
  LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(array_agg(DISTINCT w.word COLLATE "C"), '{}') FROM (
    SELECT left(array_to_string(p.parts[n:], ''), 64) AS word
    FROM regexp_split_to_table(app.fold(content) COLLATE "und-x-icu", '\s+') AS token,
      LATERAL (SELECT regexp_split_to_array(token COLLATE "und-x-icu",
        U&'(?<=[^[:alnum:]])(?=[[:alnum:]])|(?=[\0E00-\0EFF\1000-\109F\1780-\17FF\3040-\30FF\3400-\9FFF\F900-\FAFF])') AS parts) p,
      LATERAL generate_subscripts(p.parts, 1) AS n
  ) w
  WHERE w.word COLLATE "und-x-icu" ~ '^[[:alnum:]]'
$$;
REVOKE ALL ON FUNCTION app.words_of(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.words_of(text) TO bulkhead_runtime;

-- `subject`: the table whose row is found. `source_id`: the row that has the word, which is another table's where a product is
-- found by its variants.
CREATE TABLE "search_words" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "subject" TEXT NOT NULL,
    "word" TEXT COLLATE "C" NOT NULL,
    "row_id" UUID NOT NULL,
    "source_id" UUID NOT NULL,

    CONSTRAINT "search_words_pkey" PRIMARY KEY ("tenant_id","subject","row_id","word","source_id")
);
-- The index finds the rows of a rare word; the key tells of one row after another, in the order of a list, whether it has a
-- frequent one.
CREATE INDEX "search_words_tenant_id_subject_word_row_id_idx" ON "search_words"("tenant_id", "subject", "word", "row_id");

-- Written by the triggers below, in the transaction of whatever writes the row: with any permission that writes.
SELECT app.protect('search_words', writers => '{}');
REVOKE UPDATE ON search_words FROM bulkhead_runtime;

-- Lets rows of `subject` be found by the words in `columns`, of itself, or of the table `source`, whose `row_column` has the
-- row's id. Adds the words of the rows that are there. Again with other columns: it replaces the former ones.
CREATE FUNCTION app.make_searchable(subject regclass, columns text[], source regclass DEFAULT NULL, row_column text DEFAULT 'id')
  RETURNS void
  LANGUAGE plpgsql
AS $$
DECLARE
  source_table constant regclass := coalesce(source, subject);
  subject_name constant text := (SELECT relname FROM pg_catalog.pg_class WHERE oid = subject);
  source_name constant text := (SELECT relname FROM pg_catalog.pg_class WHERE oid = source_table);
  keeper constant text := format('keep_words_of_%s_from_%s', subject_name, source_name);
  new_text constant text := (SELECT format('concat_ws('' '', %s)', string_agg(format('NEW.%I', c), ', ')) FROM unnest(columns) c);
  old_text constant text := (SELECT format('concat_ws('' '', %s)', string_agg(format('OLD.%I', c), ', ')) FROM unnest(columns) c);
  row_text constant text := (SELECT format('concat_ws('' '', %s)', string_agg(format('r.%I', c), ', ')) FROM unnest(columns) c);
  watched constant text := (SELECT string_agg(quote_ident(c), ', ') FROM unnest(columns || row_column) c);
BEGIN
  EXECUTE format($body$
    CREATE OR REPLACE FUNCTION app.%1$I() RETURNS trigger
      LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $keep$
    DECLARE
      former text[] := '{}';
      wanted text[] := '{}';
    BEGIN
      IF TG_OP <> 'INSERT' THEN former := app.words_of(%2$s); END IF;
      IF TG_OP <> 'DELETE' THEN wanted := app.words_of(%3$s); END IF;
      IF TG_OP <> 'INSERT' THEN
        DELETE FROM public.search_words s
          WHERE s.tenant_id = OLD.tenant_id AND s.subject = %4$L AND s.row_id = OLD.%5$I AND s.source_id = OLD.id
            AND s.word = ANY (ARRAY(SELECT w FROM unnest(former) w
              WHERE TG_OP = 'DELETE' OR OLD.%5$I <> NEW.%5$I OR w <> ALL (wanted)));
      END IF;
      IF TG_OP <> 'DELETE' THEN
        INSERT INTO public.search_words (tenant_id, subject, word, row_id, source_id)
          SELECT NEW.tenant_id, %4$L, w, NEW.%5$I, NEW.id FROM unnest(wanted) w
          WHERE TG_OP = 'INSERT' OR OLD.%5$I <> NEW.%5$I OR w <> ALL (former)
          ON CONFLICT DO NOTHING;
      END IF;
      RETURN NULL;
    END
    $keep$ $body$, keeper, old_text, new_text, subject_name, row_column);
  EXECUTE format('REVOKE ALL ON FUNCTION app.%I() FROM PUBLIC', keeper);
  EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', keeper, source_table);
  EXECUTE format('CREATE TRIGGER %I AFTER INSERT OR DELETE OR UPDATE OF %s ON %s FOR EACH ROW EXECUTE FUNCTION app.%I()',
    keeper, watched, source_table, keeper);

  -- The policies hold the owner, too, who has no tenant here: off for the length of this transaction.
  EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', source_table);
  ALTER TABLE public.search_words NO FORCE ROW LEVEL SECURITY;
  EXECUTE format('DELETE FROM public.search_words s USING %s r
    WHERE s.tenant_id = r.tenant_id AND s.subject = %L AND s.source_id = r.id', source_table, subject_name);
  EXECUTE format('INSERT INTO public.search_words (tenant_id, subject, word, row_id, source_id)
    SELECT r.tenant_id, %L, w, r.%I, r.id FROM %s r, unnest(app.words_of(%s)) w',
    subject_name, row_column, source_table, row_text);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', source_table);
  ALTER TABLE public.search_words FORCE ROW LEVEL SECURITY;
END
$$;
REVOKE ALL ON FUNCTION app.make_searchable(regclass, text[], regclass, text) FROM PUBLIC;
