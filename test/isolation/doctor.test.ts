// The doctor: nothing to say of a fresh database, and one sabotage per rule that it must name.
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { examine, type Finding } from '../../src/db/doctor.ts'
import { knownHoles } from '../../src/db/known-holes.ts'
import { asAdmin } from '../support/cluster.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

/** What depends on the server that the tests run on, and not on the database. */
const OF_THE_SERVER = 'server-known-hole'

type Sabotage = [what: string, sql: string, code: string, object: string]

const about = (findings: Finding[]) =>
  findings.filter(({ code }) => code !== OF_THE_SERVER).map(({ code, object }) => `${code} ${object}`)

async function afterSabotage(sql: string, work: (database: TestDatabase) => Promise<void>): Promise<void> {
  const database = await createTestDatabase()
  try {
    await asAdmin(database.adminUrl, (admin) => admin.query(sql.replaceAll('THIS_DATABASE', database.name)))
    await work(database)
  } finally {
    await database.drop()
  }
}

describe.each([['as the runtime role'], ['as the owner, asked about the runtime role']])(
  'examined %s',
  (as) => {
    it('case 3: a fresh database has not one finding but the release of the server', async () => {
      await afterSabotage('SELECT', async (database) => {
        const findings = as.startsWith('as the runtime')
          ? await examine(database.runtimeUrl)
          : await examine(database.ownerUrl, { role: new URL(database.runtimeUrl).username })
        expect(about(findings)).toEqual([])
        expect(findings.filter(({ level }) => level === 'error')).toEqual([])
      })
    })
  },
)

const TABLE = 'tenant_id uuid NOT NULL DEFAULT app.tenant_id(), id uuid NOT NULL, PRIMARY KEY (tenant_id, id)'

/** A policy of products that is right but for what is said. */
const repolicy = (rest: string) =>
  `DROP POLICY tenant_isolation ON products; CREATE POLICY tenant_isolation ON products ${rest}`
const RIGHT = 'tenant_id = (SELECT app.tenant_id())'

const TABLES: Sabotage[] = [
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
    'ALTER TABLE products ALTER tenant_id DROP DEFAULT',
    'tenant-id-default',
    'public.products',
  ],
  [
    'a tenant_id with another default',
    'ALTER TABLE products ALTER tenant_id SET DEFAULT gen_random_uuid()',
    'tenant-id-default',
    'public.products',
  ],
  [
    'case 16: an identity column',
    'ALTER TABLE products ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY',
    'identity-column',
    'public.products',
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
    'CREATE UNIQUE INDEX everyone ON customers (email)',
    'index-not-tenant-led',
    'public.everyone',
  ],
  [
    'a unique index over an expression',
    'CREATE UNIQUE INDEX everyone ON customers (lower(email), tenant_id)',
    'index-not-tenant-led',
    'public.everyone',
  ],
  [
    'an index over all tenants',
    'CREATE INDEX titles ON products (title)',
    'index-not-tenant-led',
    'public.titles',
  ],
  [
    'a foreign key without the tenant',
    'CREATE UNIQUE INDEX ids ON products (id); ALTER TABLE variants ADD FOREIGN KEY (product_id) REFERENCES products (id)',
    'foreign-key',
    'public.variants',
  ],
  [
    'a foreign key that pairs the tenant with something else',
    'ALTER TABLE variants ADD FOREIGN KEY (product_id, tenant_id) REFERENCES products (tenant_id, id)',
    'foreign-key',
    'public.variants',
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

const POLICIES: Sabotage[] = [
  [
    'case 3: row-level security turned off',
    'ALTER TABLE products DISABLE ROW LEVEL SECURITY',
    'rls-disabled',
    'public.products',
  ],
  [
    'case 3: row-level security not forced',
    'ALTER TABLE products NO FORCE ROW LEVEL SECURITY',
    'rls-not-forced',
    'public.products',
  ],
  ['case 3: no policy', 'DROP POLICY tenant_isolation ON products', 'policy-missing', 'public.products'],
  [
    'case 6: a policy with `setting IS NULL OR …`',
    repolicy(`USING (current_setting('app.tenant_id', true) IS NULL OR ${RIGHT}) WITH CHECK (${RIGHT})`),
    'policy-using',
    'public.products',
  ],
  [
    'case 6: USING (true)',
    'ALTER POLICY tenant_isolation ON products USING (true)',
    'policy-using',
    'public.products',
  ],
  [
    'case 6: WITH CHECK (true)',
    'ALTER POLICY tenant_isolation ON products WITH CHECK (true)',
    'policy-check',
    'public.products',
  ],
  ['a policy without WITH CHECK', repolicy(`USING (${RIGHT})`), 'policy-check', 'public.products'],
  [
    'case 6: a second permissive policy',
    'CREATE POLICY also ON products FOR SELECT USING (true)',
    'policy-extra',
    'public.products',
  ],
  [
    'a second permissive policy that is right today',
    `CREATE POLICY also ON products USING (${RIGHT}) WITH CHECK (${RIGHT})`,
    'policy-extra',
    'public.products',
  ],
  [
    'only a restrictive policy',
    repolicy(`AS RESTRICTIVE USING (${RIGHT}) WITH CHECK (${RIGHT})`),
    'policy-missing',
    'public.products',
  ],
  [
    'a policy for one role',
    repolicy(`TO bulkhead_runtime USING (${RIGHT}) WITH CHECK (${RIGHT})`),
    'policy-roles',
    'public.products',
  ],
  ['a policy for one command', repolicy(`FOR SELECT USING (${RIGHT})`), 'policy-command', 'public.products'],
  [
    'a policy that reads the setting itself',
    repolicy(`USING (tenant_id = current_setting('app.tenant_id')::uuid) WITH CHECK (${RIGHT})`),
    'policy-using',
    'public.products',
  ],
  [
    'the form for Citus, where Citus is not',
    repolicy('USING (tenant_id = app.tenant_id()) WITH CHECK (tenant_id = app.tenant_id())'),
    'policy-using',
    'public.products',
  ],
  [
    'a policy on a function that looks alike',
    `CREATE FUNCTION public.tenant_id() RETURNS uuid LANGUAGE sql AS 'SELECT null::uuid';
     ${repolicy(`USING (tenant_id = (SELECT public.tenant_id())) WITH CHECK (${RIGHT})`)}`,
    'policy-using',
    'public.products',
  ],
  [
    'a policy on an operator that looks alike',
    `CREATE FUNCTION public.alike(uuid, uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true';
     CREATE OPERATOR public.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = public.alike);
     ${repolicy(`USING (tenant_id OPERATOR(public.=) (SELECT app.tenant_id())) WITH CHECK (${RIGHT})`)}`,
    'policy-using',
    'public.products',
  ],
]

const CODE: Sabotage[] = [
  [
    'case 14: a view without security_invoker',
    'CREATE VIEW sales AS SELECT * FROM orders',
    'view-not-invoker',
    'public.sales',
  ],
  [
    'a view with security_invoker off',
    'CREATE VIEW sales WITH (security_invoker = off) AS SELECT * FROM orders',
    'view-not-invoker',
    'public.sales',
  ],
  [
    'case 14: a materialized view that may be read',
    'CREATE MATERIALIZED VIEW sales AS SELECT * FROM orders WITH NO DATA; GRANT SELECT ON sales TO bulkhead_runtime',
    'materialized-view-readable',
    'public.sales',
  ],
  [
    'case 14: a SECURITY DEFINER function that counts all',
    `CREATE FUNCTION public.volume() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
     AS 'SELECT count(*) FROM public.orders'; REVOKE ALL ON FUNCTION public.volume() FROM PUBLIC`,
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
    ['gives a tenant to whom has none', `SELECT '11111111-1111-7111-8111-111111111111'::uuid`],
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

const RIGHTS: Sabotage[] = [
  ...['TRUNCATE', 'REFERENCES', 'TRIGGER', 'REFERENCES (id)', 'ALL'].map(
    (right): Sabotage => [
      `case 15: ${right} granted on a table`,
      `GRANT ${right} ON products TO bulkhead_runtime`,
      'right-excessive',
      'public.products',
    ],
  ),
  [
    'a right granted to everyone',
    'GRANT TRUNCATE ON products TO PUBLIC',
    'right-excessive',
    'public.products',
  ],
  [
    'a right that may be passed on',
    'GRANT SELECT ON products TO bulkhead_runtime WITH GRANT OPTION',
    'right-excessive',
    'public.products',
  ],
  [
    'UPDATE on a whole table',
    'GRANT UPDATE ON products TO bulkhead_runtime',
    'tenant-id-updatable',
    'public.products',
  ],
  [
    'UPDATE on tenant_id',
    'GRANT UPDATE (tenant_id) ON products TO bulkhead_runtime',
    'tenant-id-updatable',
    'public.products',
  ],
  [
    'DELETE on an append-only table',
    'GRANT DELETE ON audit_entries TO bulkhead_runtime',
    'append-only-writable',
    'public.audit_entries',
  ],
  [
    'UPDATE on one column of an append-only table',
    'GRANT UPDATE (on_hand_delta) ON stock_movements TO bulkhead_runtime',
    'append-only-writable',
    'public.stock_movements',
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
]

describe('refuses, by name', () => {
  it.each([...TABLES, ...POLICIES, ...CODE, ...RIGHTS])('%s', async (_, sql, code, object) => {
    await afterSabotage(sql, async (database) => {
      const findings = await examine(database.runtimeUrl)
      const named = object.replace('THIS_DATABASE', database.name)
      expect(findings.map(({ level, code, object }) => `${level} ${code} ${object}`)).toContain(
        `error ${code} ${named}`,
      )
    })
  })

  it.each(['statement_timeout', 'idle_in_transaction_session_timeout'])(
    '%s missing, as a warning',
    async (name) => {
      await afterSabotage(`ALTER DATABASE THIS_DATABASE SET ${name} = 0`, async (database) => {
        const findings = await examine(database.runtimeUrl)
        expect(about(findings)).toEqual([`timeout-missing database ${database.name}`])
        expect(findings.find(({ code }) => code === 'timeout-missing')?.level).toBe('warning')
      })
    },
  )
})

describe('allows', () => {
  it.each([
    ['a table behind app.protect', `CREATE TABLE notes (${TABLE}); SELECT app.protect('notes')`],
    [
      'a partitioned table whose partitions are behind it too',
      `CREATE TABLE parts (${TABLE}) PARTITION BY HASH (tenant_id);
       CREATE TABLE part PARTITION OF parts FOR VALUES WITH (MODULUS 1, REMAINDER 0);
       SELECT app.protect('parts'), app.protect('part')`,
    ],
    ['a restrictive policy', 'CREATE POLICY less ON products AS RESTRICTIVE FOR DELETE USING (false)'],
    ['a view of the invoker', 'CREATE VIEW sales WITH (security_invoker = on) AS SELECT * FROM orders'],
    ['a materialized view that nobody may read', 'CREATE MATERIALIZED VIEW sales AS SELECT 1 AS one'],
    ['another database setting', `ALTER DATABASE THIS_DATABASE SET search_path = app, public`],
  ])('%s', async (_, sql) => {
    await afterSabotage(sql, async (database) => {
      expect(about(await examine(database.runtimeUrl))).toEqual([])
    })
  })
})

describe('case 1: refuses a role that the walls do not hold', () => {
  let database: TestDatabase
  let role: string
  let other: string
  const names: string[] = []
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterEach(() =>
    asAdmin(database.adminUrl, async (admin) => {
      for (const name of names.splice(0))
        await admin.query(`DROP OWNED BY ${name} CASCADE; DROP ROLE ${name}`)
    }),
  )
  afterAll(() => database?.drop())

  /** Roles belong to the whole server, so each test has its own; ROLE is examined, OTHER stands beside it. */
  async function findingsAfter(sql: string): Promise<string[]> {
    const suffix = randomUUID().slice(0, 8)
    role = `doctor_role_${suffix}`
    other = `doctor_other_${suffix}`
    names.push(role, other)
    await asAdmin(database.adminUrl, (admin) =>
      admin.query(
        `CREATE ROLE ${role} LOGIN IN ROLE bulkhead_runtime; CREATE ROLE ${other};
         ${sql.replaceAll('ROLE_', role).replaceAll('OTHER_', other).replaceAll('THIS_DATABASE', database.name)}`,
      ),
    )
    return about(await examine(database.runtimeUrl, { role }))
  }

  it('but not a login role that is a member of the runtime group', async () => {
    expect(await findingsAfter('')).toEqual([])
  })

  it.each(['SUPERUSER', 'BYPASSRLS', 'CREATEROLE', 'CREATEDB', 'REPLICATION'])('%s', async (attribute) => {
    expect(await findingsAfter(`ALTER ROLE ROLE_ ${attribute}`)).toContain(`role-attribute role ${role}`)
  })

  it('a member of a role with BYPASSRLS', async () => {
    expect(await findingsAfter('ALTER ROLE OTHER_ BYPASSRLS; GRANT OTHER_ TO ROLE_')).toEqual([
      `role-attribute role ${other}`,
    ])
  })

  it.each([
    ['a table', 'CREATE TABLE owned (id int); ALTER TABLE owned OWNER TO ROLE_'],
    ['a schema', 'CREATE SCHEMA owned AUTHORIZATION ROLE_'],
    [
      'a function',
      `CREATE FUNCTION app.owned() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION app.owned() OWNER TO ROLE_`,
    ],
  ])('the owner of %s', async (_, sql) => {
    expect(await findingsAfter(sql)).toContain(`role-owner role ${role}`)
  })

  it('the owner of the database', async () => {
    expect(await findingsAfter('ALTER DATABASE THIS_DATABASE OWNER TO ROLE_')).toContain(
      `role-owner role ${role}`,
    )
    await asAdmin(database.adminUrl, (admin) =>
      admin.query(`ALTER DATABASE ${database.name} OWNER TO bulkhead_owner`),
    )
  })

  it('a member of the owner', async () => {
    expect(await findingsAfter('GRANT bulkhead_owner TO ROLE_')).toContain('role-owner role bulkhead_owner')
  })

  it('a member of a member of the owner', async () => {
    expect(await findingsAfter('GRANT bulkhead_owner TO OTHER_; GRANT OTHER_ TO ROLE_')).toContain(
      'role-owner role bulkhead_owner',
    )
  })

  it('a member of the owner that does not inherit its rights, yet may become it', async () => {
    expect(await findingsAfter('ALTER ROLE ROLE_ NOINHERIT; GRANT bulkhead_owner TO ROLE_')).toContain(
      'role-owner role bulkhead_owner',
    )
  })

  it('a member of a predefined role', async () => {
    expect(await findingsAfter('GRANT pg_read_all_data TO ROLE_')).toContain(
      'role-predefined role pg_read_all_data',
    )
  })

  it('rights held through another role', async () => {
    expect(await findingsAfter('GRANT TRUNCATE ON products TO OTHER_; GRANT OTHER_ TO ROLE_')).toEqual([
      'right-excessive public.products',
    ])
  })

  it('a superuser’s parameter', async () => {
    expect(await findingsAfter('GRANT SET ON PARAMETER session_replication_role TO ROLE_')).toEqual([
      'parameter-granted parameter session_replication_role',
    ])
  })

  it('a tenant preset for the role', async () => {
    expect(await findingsAfter(`ALTER ROLE ROLE_ SET app.tenant_id = 'x'`)).toEqual([
      `tenant-preset role ${role}`,
    ])
  })

  it('whoever it connects as, when nobody is named: the owner and the superuser', async () => {
    expect(about(await examine(database.ownerUrl))).toContain('role-owner role bulkhead_owner')
    expect(about(await examine(database.adminUrl))).toContain(
      `role-attribute role ${new URL(database.adminUrl).username}`,
    )
  })

  it('and says so when there is no such role', async () => {
    await expect(examine(database.runtimeUrl, { role: 'nobody_at_all' })).rejects.toThrow('there is no role')
  })
})

describe('case 2: the release of the server', () => {
  it('each known hole is named, up to the release that mended it', () => {
    const cves = (versionNum: number) => knownHoles(versionNum).map(({ cve }) => cve)
    expect(cves(150_003)).toEqual(['CVE-2026-14666', 'CVE-2024-10976', 'CVE-2023-39418'])
    expect(cves(150_008)).toEqual(['CVE-2026-14666', 'CVE-2024-10976'])
    expect(cves(150_018)).toEqual(['CVE-2026-14666'])
    expect(cves(160_014)).toEqual(['CVE-2026-14666'])
    expect(cves(170_000)).toEqual(['CVE-2026-14666', 'CVE-2024-10976'])
    expect(cves(180_004)).toEqual(['CVE-2026-14666'])
    for (const mended of [150_019, 160_015, 170_011, 180_006, 190_000]) expect(cves(mended)).toEqual([])
  })

  it('a known hole is a warning, and an error when asked to be strict', async () => {
    await afterSabotage('SELECT', async (database) => {
      const version = await asAdmin(database.runtimeUrl, (client) => client.query('SHOW server_version_num'))
      const holes = knownHoles(Number(version.rows[0].server_version_num)).length
      for (const [strictVersion, level] of [
        [false, 'warning'],
        [true, 'error'],
      ] as const) {
        const findings = await examine(database.runtimeUrl, { strictVersion })
        expect(findings.map((finding) => `${finding.level} ${finding.code}`)).toEqual(
          Array.from({ length: holes }, () => `${level} ${OF_THE_SERVER}`),
        )
      }
    })
  })
})
