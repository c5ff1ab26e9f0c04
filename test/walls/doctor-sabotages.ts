// One sabotage per rule of the doctor, as data; doctor-role.test.ts has those about the role.

/** Run as a superuser on a fresh database; THIS_DATABASE is its name. The finding must have this code and object. */
export type Sabotage = [what: string, sql: string, code: string, object: string]

/** The columns of a table that app.protect accepts. */
export const TABLE =
  'tenant_id uuid NOT NULL DEFAULT app.tenant_id(), id uuid NOT NULL, PRIMARY KEY (tenant_id, id)'

export const TABLES: Sabotage[] = [
  [
    'case 4: a new table with a GRANT and no policy',
    `CREATE TABLE notes (${TABLE}); GRANT SELECT ON notes TO bulkhead_runtime`,
    'policy-missing',
    'public.notes',
  ],
  ['a table without tenant', 'CREATE TABLE notes (id uuid PRIMARY KEY)', 'tenant-id-missing', 'public.notes'],
  [
    'a table without tenant in a schema of its own',
    'CREATE SCHEMA extra; CREATE TABLE extra.notes (id uuid PRIMARY KEY)',
    'tenant-id-missing',
    'extra.notes',
  ],
  [
    'a table of the same name as a global one, elsewhere',
    'CREATE TABLE public.tenant_directory (id uuid PRIMARY KEY)',
    'tenant-id-missing',
    'public.tenant_directory',
  ],
  [
    'a tenant_id that is no uuid',
    'CREATE TABLE notes (tenant_id text NOT NULL, id uuid, PRIMARY KEY (tenant_id, id))',
    'tenant-id-missing',
    'public.notes',
  ],
  [
    'a nullable tenant_id',
    'CREATE TABLE notes (tenant_id uuid DEFAULT app.tenant_id())',
    'tenant-id-nullable',
    'public.notes',
  ],
  [
    'a tenant_id without default',
    'ALTER TABLE exports ALTER tenant_id DROP DEFAULT',
    'tenant-id-default',
    'public.exports',
  ],
  [
    'a tenant_id with another default',
    'ALTER TABLE exports ALTER tenant_id SET DEFAULT gen_random_uuid()',
    'tenant-id-default',
    'public.exports',
  ],
  [
    'case 16: an identity column',
    'ALTER TABLE exports ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY',
    'identity-column',
    'public.exports',
  ],
  [
    'a primary key without the tenant',
    'ALTER TABLE outbox_events DROP CONSTRAINT outbox_events_pkey; ALTER TABLE outbox_events ADD PRIMARY KEY (id)',
    'primary-key',
    'public.outbox_events',
  ],
  [
    'a primary key that the tenant does not lead',
    'ALTER TABLE outbox_events DROP CONSTRAINT outbox_events_pkey; ALTER TABLE outbox_events ADD PRIMARY KEY (id, tenant_id)',
    'primary-key',
    'public.outbox_events',
  ],
  [
    'case 13: a unique index over all tenants',
    'CREATE UNIQUE INDEX everyone ON members (email)',
    'index-not-tenant-led',
    'public.everyone',
  ],
  [
    'a unique index over an expression',
    'CREATE UNIQUE INDEX everyone ON members (lower(email), tenant_id)',
    'index-not-tenant-led',
    'public.everyone',
  ],
  [
    'an index over all tenants',
    'CREATE INDEX titles ON exports (requested_by)',
    'index-not-tenant-led',
    'public.titles',
  ],
  [
    'a foreign key without the tenant',
    'CREATE UNIQUE INDEX ids ON exports (id); ALTER TABLE export_chunks ADD FOREIGN KEY (export_id) REFERENCES exports (id)',
    'foreign-key',
    'public.export_chunks',
  ],
  [
    'a foreign key that pairs the tenant with something else',
    'ALTER TABLE export_chunks ADD FOREIGN KEY (export_id, tenant_id) REFERENCES exports (tenant_id, id)',
    'foreign-key',
    'public.export_chunks',
  ],
  [
    'a foreign key to a global table that leaves the tenant out',
    'ALTER TABLE exports ADD COLUMN whose uuid REFERENCES app.tenant_directory (id)',
    'foreign-key',
    'public.exports',
  ],
  [
    'case 14: a partition beside the wall of its table',
    `CREATE TABLE parts (${TABLE}) PARTITION BY HASH (tenant_id);
     CREATE TABLE part PARTITION OF parts FOR VALUES WITH (MODULUS 1, REMAINDER 0); SELECT app.protect('parts')`,
    'rls-disabled',
    'public.part',
  ],
  [
    'a partitioned table without the wall of its partition',
    `CREATE TABLE parts (${TABLE}) PARTITION BY HASH (tenant_id);
     CREATE TABLE part PARTITION OF parts FOR VALUES WITH (MODULUS 1, REMAINDER 0); SELECT app.protect('part')`,
    'rls-disabled',
    'public.parts',
  ],
  [
    'a foreign table',
    'CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE far (id uuid) SERVER s',
    'foreign-table',
    'public.far',
  ],
]

export const CODE: Sabotage[] = [
  [
    'case 14: a view without security_invoker',
    'CREATE VIEW sales AS SELECT * FROM members',
    'view-not-invoker',
    'public.sales',
  ],
  [
    'a view with security_invoker off',
    'CREATE VIEW sales WITH (security_invoker = off) AS SELECT * FROM members',
    'view-not-invoker',
    'public.sales',
  ],
  [
    'case 14: a materialized view that may be read',
    'CREATE MATERIALIZED VIEW sales AS SELECT * FROM members WITH NO DATA; GRANT SELECT ON sales TO bulkhead_runtime',
    'materialized-view-readable',
    'public.sales',
  ],
  [
    'case 14: a SECURITY DEFINER function that counts all',
    `CREATE FUNCTION public.volume() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
     AS 'SELECT count(*) FROM public.members'; REVOKE ALL ON FUNCTION public.volume() FROM PUBLIC`,
    'definer-function-unlisted',
    'public.volume()',
  ],
  [
    'a listed name with other arguments',
    `CREATE FUNCTION app.resolve_member(text) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
     AS 'SELECT 1'; REVOKE ALL ON FUNCTION app.resolve_member(text) FROM PUBLIC`,
    'definer-function-unlisted',
    'app.resolve_member(text)',
  ],
  [
    'a SECURITY DEFINER function with its caller’s search_path',
    'ALTER FUNCTION app.resolve_member(text, text) RESET search_path',
    'definer-function-path',
    'app.resolve_member(text,text)',
  ],
  [
    'a SECURITY DEFINER function for everyone',
    'GRANT EXECUTE ON FUNCTION app.resolve_member(text, text) TO PUBLIC',
    'definer-function-public',
    'app.resolve_member(text,text)',
  ],
  ...[
    ['gives NULL without a tenant', `SELECT nullif(current_setting('app.tenant_id', true), '')::uuid`],
    ['returns a tenant where none is set', `SELECT '11111111-1111-7111-8111-111111111111'::uuid`],
    ['raises something else', `SELECT current_setting('app.tenant_id')::uuid`],
  ].map(
    ([what, body]): Sabotage => [
      `case 5: an app.tenant_id() that ${what}`,
      `CREATE OR REPLACE FUNCTION app.tenant_id() RETURNS uuid LANGUAGE sql STABLE AS $$ ${body} $$`,
      'tenant-function',
      'app.tenant_id()',
    ],
  ),
  [
    'a second app.tenant_id',
    `CREATE FUNCTION app.tenant_id(which int) RETURNS uuid LANGUAGE sql AS 'SELECT null::uuid'`,
    'tenant-function',
    'app.tenant_id()',
  ],
  [
    'an app.tenant_id() that the role may not call',
    'REVOKE ALL ON FUNCTION app.tenant_id() FROM bulkhead_runtime',
    'tenant-function',
    'app.tenant_id()',
  ],
]

export const RIGHTS: Sabotage[] = [
  ...['TRUNCATE', 'REFERENCES', 'TRIGGER', 'REFERENCES (id)', 'ALL'].map(
    (right): Sabotage => [
      `case 15: ${right} granted on a table`,
      `GRANT ${right} ON exports TO bulkhead_runtime`,
      'right-excessive',
      'public.exports',
    ],
  ),
  ['a right granted to everyone', 'GRANT TRUNCATE ON exports TO PUBLIC', 'right-excessive', 'public.exports'],
  [
    'a right that may be passed on',
    'GRANT SELECT ON exports TO bulkhead_runtime WITH GRANT OPTION',
    'right-excessive',
    'public.exports',
  ],
  [
    'UPDATE on a whole table',
    'GRANT UPDATE ON exports TO bulkhead_runtime',
    'tenant-id-updatable',
    'public.exports',
  ],
  [
    'UPDATE on tenant_id',
    'GRANT UPDATE (tenant_id) ON exports TO bulkhead_runtime',
    'tenant-id-updatable',
    'public.exports',
  ],
  [
    'DELETE on an append-only table',
    'GRANT DELETE ON audit_entries TO bulkhead_runtime',
    'append-only-writable',
    'public.audit_entries',
  ],
  [
    'UPDATE on one column of an append-only table',
    'GRANT UPDATE (action) ON audit_entries TO bulkhead_runtime',
    'append-only-writable',
    'public.audit_entries',
  ],
  [
    'one column of the tenant directory',
    'GRANT SELECT (slug) ON app.tenant_directory TO bulkhead_runtime',
    'global-table-granted',
    'app.tenant_directory',
  ],
  [
    'the record of the migrations, for everyone',
    'GRANT SELECT ON _prisma_migrations TO PUBLIC',
    'global-table-granted',
    'public._prisma_migrations',
  ],
  [
    'case 19: the queue’s jobs',
    'GRANT SELECT ON graphile_worker._private_jobs TO bulkhead_runtime',
    'global-table-granted',
    'graphile_worker._private_jobs',
  ],
  [
    'case 19: the queue’s view of its jobs',
    'GRANT USAGE ON SCHEMA graphile_worker TO bulkhead_runtime; GRANT SELECT ON graphile_worker.jobs TO bulkhead_runtime',
    'queue-granted',
    'schema graphile_worker',
  ],
  [
    'case 19: the queue’s schema for everyone',
    'GRANT USAGE ON SCHEMA graphile_worker TO PUBLIC',
    'queue-granted',
    'schema graphile_worker',
  ],
  [
    'case 19: the schedule, which queues for every tenant',
    'GRANT EXECUTE ON FUNCTION app.enqueue_for_tenants(text, integer) TO bulkhead_runtime',
    'queue-granted',
    'app.enqueue_for_tenants(text,integer)',
  ],
  [
    'case 19: a tenant’s table for the role that runs jobs',
    'GRANT SELECT (id) ON members TO bulkhead_worker',
    'worker-right',
    'role bulkhead_worker',
  ],
  [
    'case 19: the tenant directory for the role that runs jobs',
    'GRANT SELECT ON app.tenant_directory TO bulkhead_worker',
    'worker-right',
    'role bulkhead_worker',
  ],
  [
    'case 19: who is who for the role that runs jobs',
    'GRANT EXECUTE ON FUNCTION app.resolve_tenant(uuid, text) TO bulkhead_worker',
    'worker-function',
    'role bulkhead_worker',
  ],
  ['CREATE on a schema', 'GRANT CREATE ON SCHEMA app TO bulkhead_runtime', 'schema-create', 'schema app'],
  [
    'CREATE on public for everyone',
    'GRANT CREATE ON SCHEMA public TO PUBLIC',
    'schema-create',
    'schema public',
  ],
  [
    'case 16: a sequence that may be used',
    'CREATE SEQUENCE numbers; GRANT USAGE ON SEQUENCE numbers TO bulkhead_runtime',
    'sequence-granted',
    'public.numbers',
  ],
  [
    'CREATE on the database',
    'GRANT CREATE ON DATABASE THIS_DATABASE TO bulkhead_runtime',
    'database-right',
    'database THIS_DATABASE',
  ],
  [
    'temporary tables for everyone',
    'GRANT TEMPORARY ON DATABASE THIS_DATABASE TO PUBLIC',
    'database-right',
    'database THIS_DATABASE',
  ],
  [
    'a tenant for sessions that have none',
    `ALTER DATABASE THIS_DATABASE SET app.tenant_id = '11111111-1111-7111-8111-111111111111'`,
    'tenant-preset',
    'database THIS_DATABASE',
  ],
  [
    'permissions for sessions that have none',
    `ALTER DATABASE THIS_DATABASE SET app.permissions = '*'`,
    'tenant-preset',
    'database THIS_DATABASE',
  ],
]
