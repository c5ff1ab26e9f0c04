// The doctor's findings about the role: its attributes, objects and memberships. Roles are global to the server, so
// each test makes its own.
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { examine, type Finding } from '../../src/db/doctor/doctor.ts'
import { asAdmin } from '../support/cluster.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { withRole } from '../support/urls.ts'

const about = (findings: Finding[]) =>
  findings
    // doctor.test.ts has the findings that depend on the server.
    .filter(({ level, code }) => level === 'error' && code !== 'server-known-hole')
    .map(({ code, object }) => `${code} ${object}`)

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

  /** Each test has its own roles; ROLE is examined, OTHER is another one. */
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

  /** A role that may run jobs, changed by `sql`. */
  async function workerAfter(sql: string): Promise<string> {
    const name = `doctor_worker_${randomUUID().slice(0, 8)}`
    names.push(name)
    await asAdmin(database.adminUrl, (admin) =>
      admin.query(`CREATE ROLE ${name} LOGIN IN ROLE bulkhead_worker; ${sql.replaceAll('ROLE_', name)}`),
    )
    return name
  }

  async function findingsOfWorker(name: string): Promise<string[]> {
    return about(
      await examine(database.runtimeUrl, { workerUrl: withRole(database.workerUrl, name, 'unused') }),
    )
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

  it('but a large object that it made is reported, and no error', async () => {
    const made = await findingsAfter(`
      GRANT ROLE_ TO CURRENT_USER; SET ROLE ROLE_; SELECT lo_from_bytea(0, 'stray'); RESET ROLE`)
    expect(made).toEqual([])
    const findings = await examine(database.runtimeUrl, { role })
    expect(findings.filter(({ code }) => code === 'role-stray')).toMatchObject([
      { level: 'warning', object: `role ${role}`, message: expect.stringContaining('large object') },
    ])
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

  it('rights outside the runtime group, to which the write policies apply', async () => {
    const beside = 'GRANT SELECT, INSERT ON exports TO ROLE_; REVOKE bulkhead_runtime FROM ROLE_'
    expect(await findingsAfter(beside)).toEqual([`role-not-held role ${role}`])
  })

  it('a member of the runtime group that does not inherit from it', async () => {
    const beside =
      'REVOKE bulkhead_runtime FROM ROLE_; ALTER ROLE ROLE_ NOINHERIT; GRANT bulkhead_runtime TO ROLE_'
    expect(await findingsAfter(beside)).toEqual([`role-not-held role ${role}`])
  })

  it('a role that it may become, to write beside the runtime group', async () => {
    const beside = 'GRANT SELECT, DELETE ON exports TO OTHER_; GRANT OTHER_ TO ROLE_'
    expect(await findingsAfter(beside)).toEqual([`role-not-held role ${other}`])
  })

  it('a role that it may become, to write one column', async () => {
    const beside = 'GRANT SELECT, UPDATE (requested_by) ON exports TO OTHER_; GRANT OTHER_ TO ROLE_'
    expect(await findingsAfter(beside)).toEqual([`role-not-held role ${other}`])
  })

  it('rights held through another role', async () => {
    expect(await findingsAfter('GRANT TRUNCATE ON exports TO OTHER_; GRANT OTHER_ TO ROLE_')).toEqual([
      'right-excessive public.exports',
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

  it('but not a member of the group that the queue is granted to', async () => {
    const role = await workerAfter('')
    expect(await findingsOfWorker(role)).toEqual([])
  })

  it.each(['SUPERUSER', 'BYPASSRLS', 'CREATEROLE'])('%s that runs jobs', async (attribute) => {
    const role = await workerAfter(`ALTER ROLE ROLE_ ${attribute}`)
    expect(await findingsOfWorker(role)).toEqual([`role-attribute role ${role}`])
  })

  it('the owner that runs jobs', async () => {
    expect(await findingsOfWorker('bulkhead_owner')).toContain('role-owner role bulkhead_owner')
  })

  it('one that runs jobs and serves', async () => {
    const role = await workerAfter('GRANT bulkhead_runtime TO ROLE_')
    const findings = await findingsOfWorker(role)
    expect(findings).toContain(`worker-right role ${role}`)
    expect(findings).toContain(`worker-function role ${role}`)
    // The same role, checked as the one that serves.
    expect(about(await examine(database.runtimeUrl, { role }))).toEqual(
      expect.arrayContaining([
        'global-table-granted graphile_worker._private_jobs',
        'queue-granted app.enqueue_for_tenants(text,integer)',
        'queue-granted schema graphile_worker',
      ]),
    )
  })

  it('a missing role for jobs', async () => {
    expect(await findingsOfWorker('nobody_at_all')).toEqual(['worker-missing role nobody_at_all'])
  })

  it('the connecting role by default: the owner and the superuser', async () => {
    expect(about(await examine(database.ownerUrl))).toContain('role-owner role bulkhead_owner')
    expect(about(await examine(database.adminUrl))).toContain(
      `role-attribute role ${new URL(database.adminUrl).username}`,
    )
  })

  it('and says so when there is no such role', async () => {
    await expect(examine(database.runtimeUrl, { role: 'nobody_at_all' })).rejects.toThrow('there is no role')
  })
})
