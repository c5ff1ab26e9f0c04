-- Lists are sorted as people sort, by the language of their tenant.

-- The collations of a column for which there is an index of a list: on the tenant, the column, and the id.
CREATE FUNCTION app.indexed_collations(of_table text, of_column text) RETURNS text[]
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(array_agg(c.collname::text), '{}')
  FROM pg_attribute a
  JOIN pg_index i ON i.indrelid = a.attrelid AND i.indkey[1] = a.attnum AND i.indisvalid AND i.indpred IS NULL
  JOIN pg_collation c ON c.oid = i.indcollation[1] AND c.collprovider = 'i'
  JOIN pg_attribute t ON t.attrelid = a.attrelid AND t.attnum = i.indkey[0] AND t.attname = 'tenant_id'
  JOIN pg_attribute k ON k.attrelid = a.attrelid AND k.attnum = i.indkey[2] AND k.attname = 'id'
  WHERE a.attrelid = to_regclass(format('public.%I', of_table)) AND a.attname = of_column
$$;
REVOKE ALL ON FUNCTION app.indexed_collations(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.indexed_collations(text, text) TO bulkhead_runtime;
