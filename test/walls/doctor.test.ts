// The doctor: no finding for a fresh database, and the right one for each sabotage.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { examine, type Finding } from '../../src/db/doctor/doctor.ts'
import { knownHoles } from '../../src/db/doctor/known-holes.ts'
import { migrate } from '../../src/db/migrations/migrate.ts'
import { asAdmin } from '../support/cluster.ts'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { MEND, POLICIES, PRELUDE } from './doctor-policy-sabotages.ts'
import { CODE, RIGHTS, TABLE, TABLES } from './doctor-sabotages.ts'
import { WRITE_FUNCTION } from './doctor-write-sabotages.ts'

/** Depends on the server of the test run, not on the database. */
const OF_THE_SERVER = 'server-known-hole'

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

describe('refuses, by name', () => {
  it.each([...TABLES, ...CODE, ...WRITE_FUNCTION, ...RIGHTS])('%s', async (_, sql, code, object) => {
    await afterSabotage(sql, async (database) => {
      const findings = await examine(database.runtimeUrl)
      const named = object.replace('THIS_DATABASE', database.name)
      expect(findings.map(({ level, code, object }) => `${level} ${code} ${object}`)).toContain(
        `error ${code} ${named}`,
      )
    })
  })

  it('indexes and a database of another version of their collations, as warnings', async () => {
    const sql = `CREATE INDEX by_name ON members (tenant_id, name COLLATE "nb-x-icu", id);
      UPDATE pg_collation SET collversion = '0' WHERE collname IN ('nb-x-icu', 'sv-x-icu');
      UPDATE pg_database SET datcollversion = '0' WHERE datname = 'THIS_DATABASE'`
    await afterSabotage(sql, async (database) => {
      const findings = await examine(database.runtimeUrl)
      expect(about(findings)).toEqual([
        'collation-version collation "nb-x-icu"',
        `collation-version database ${database.name}`,
      ])
      const [ofIndexes] = findings.filter(({ code }) => code === 'collation-version')
      expect(ofIndexes).toMatchObject({
        level: 'warning',
        message: expect.stringContaining('public.by_name,'),
      })
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

describe('refuses policies that are not exactly those of app.protect', () => {
  let database: TestDatabase
  const run = (sql: string) => asAdmin(database.adminUrl, (admin) => admin.query(sql))
  beforeAll(async () => {
    database = await createTestDatabase()
    await run(PRELUDE)
  })
  afterEach(() => run(MEND))
  afterAll(() => database?.drop())

  it.each(POLICIES)('%s', async (_, sql, code) => {
    await run(sql)
    expect(about(await examine(database.runtimeUrl))).toContain(`${code} public.exports`)
  })

  it('and it says nothing once they are mended', async () => {
    expect(about(await examine(database.runtimeUrl))).toEqual([])
  })
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
    [
      'a table that only the system writes',
      `CREATE TABLE notes (${TABLE}); SELECT app.protect('notes', writers => '{system}')`,
    ],
    ['a view of the invoker', 'CREATE VIEW sales WITH (security_invoker = on) AS SELECT * FROM members'],
    ['a materialized view that nobody may read', 'CREATE MATERIALIZED VIEW sales AS SELECT 1 AS one'],
    ['another database setting', `ALTER DATABASE THIS_DATABASE SET search_path = app, public`],
  ])('%s', async (_, sql) => {
    await afterSabotage(sql, async (database) => {
      expect(about(await examine(database.runtimeUrl))).toEqual([])
    })
  })
})

describe('an engine that is not supported', () => {
  // Citus has no npm or Debian package; here a row in the catalogue stands for it.
  const CITUS = `SET allow_system_table_mods = on; INSERT INTO pg_extension
    SELECT 99999, 'citus', extowner, extnamespace, extrelocatable, extversion, NULL, NULL FROM pg_extension LIMIT 1`

  it('Citus is refused by the doctor, and so at every start', async () => {
    await afterSabotage(CITUS, async (database) => {
      expect(await examine(database.runtimeUrl)).toContainEqual({
        level: 'error',
        code: 'engine-unsupported',
        object: 'citus',
        message:
          'the database has the extension citus, which this version does not support: use one without it',
      })
    })
  })

  it('and by a migration, before it changes anything', async () => {
    const database = await createEmptyDatabase()
    try {
      await asAdmin(database.adminUrl, (admin) => admin.query(CITUS))
      const { ownerUrl, runtimeUrl } = database
      await expect(migrate({ ownerUrl, runtimeUrl, logger: createLogger('silent') })).rejects.toMatchObject({
        code: 'SERVICE_UNAVAILABLE',
        message: expect.stringMatching(
          /^the database has the extension citus, which this version does not support[^\n]*$/,
        ),
      })
      const { rows } = await asAdmin(database.ownerUrl, (owner) =>
        owner.query(`SELECT to_regclass('public._prisma_migrations') AS record`),
      )
      expect(rows).toEqual([{ record: null }])
    } finally {
      await database.drop()
    }
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

  it('CVE-2026-14666 is explained where it does not apply, and is an error where it does', async () => {
    await afterSabotage('SELECT', async (database) => {
      const about = (findings: Finding[]) =>
        findings
          .filter(({ message }) => message.startsWith('CVE-2026-14666'))
          .map(
            ({ level, message }) => `${level} ${/has no such right|role \S+ exposes it/.exec(message)?.[0]}`,
          )
      const version = await asAdmin(database.runtimeUrl, (client) => client.query('SHOW server_version_num'))
      const isThere = knownHoles(Number(version.rows[0].server_version_num)).length > 0
      const once = (finding: string) => (isThere ? [finding] : [])
      expect(about(await examine(database.runtimeUrl))).toEqual(once('warning has no such right'))
      // The owner may lose its tables: plans that it had cached as their owner would stay.
      expect(about(await examine(database.ownerUrl))).toEqual(once('error role bulkhead_owner exposes it'))
    })
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
