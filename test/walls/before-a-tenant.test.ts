// Look-ups before a tenant is known fail within a tenant's scope, and write nothing into another's audit.
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  asOwner,
  asRuntime,
  asSuperuser,
  createTestDatabase,
  type TestDatabase,
} from '../support/database.ts'
import { TENANT_A, TENANT_B } from '../support/two-tenants.ts'

const TENANT_IN_SCOPE = 'BK005'
const QUESTIONS = [
  ['resolve_support', `SELECT * FROM app.resolve_support('${TENANT_B.slug}', 'forged@platform.example')`],
  ['resolve_member', `SELECT * FROM app.resolve_member('${TENANT_B.slug}', '${TENANT_B.ownerEmail}')`],
  ['memberships_of', `SELECT * FROM app.memberships_of('${TENANT_B.ownerEmail}')`],
  ['resolve_api_key', `SELECT * FROM app.resolve_api_key('${TENANT_B.id}', '\\x00')`],
  ['resolve_tenant', `SELECT * FROM app.resolve_tenant(NULL, '${TENANT_B.slug}')`],
] as const

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
  await asOwner(database, TENANT_B.id, (owner) =>
    owner.query(
      `INSERT INTO support_grants (id, access, reason, granted_by, expires_at)
       VALUES (gen_random_uuid(), 'WRITE', '', '', now() + interval '1 hour')`,
    ),
  )
})
afterAll(async () => {
  await database?.drop()
})

const visits = async () => {
  const sql = `SELECT actor_label FROM audit_entries WHERE tenant_id = $1 AND action = 'supportAccessUse'`
  const { rows } = await asSuperuser(database, (admin) => admin.query(sql, [TENANT_B.id]))
  return rows.map(({ actor_label: label }) => label)
}

it.each(QUESTIONS)('cross-tenant: %s raises in a scope, of another tenant or its own', async (_name, sql) => {
  for (const tenant of [TENANT_A.id, TENANT_B.id])
    await expect(asRuntime(database, tenant, (client) => client.query(sql))).rejects.toMatchObject({
      code: TENANT_IN_SCOPE,
    })
  expect(await visits()).not.toContain('forged@platform.example')
})

it.each(QUESTIONS.filter(([name]) => name !== 'resolve_api_key'))(
  '%s answers where no tenant is in scope',
  async (_name, sql) => {
    const { rows } = await asRuntime(database, null, (client) => client.query(sql))
    expect(rows).toHaveLength(1)
  },
)

it('every SECURITY DEFINER function that reads the directory of tenants or people checks the scope', async () => {
  const { rows } = await asSuperuser(database, (admin) =>
    admin.query(
      `SELECT p.proname AS name FROM pg_proc p WHERE p.pronamespace = 'app'::regnamespace AND p.prosecdef
         AND has_function_privilege('bulkhead_runtime', p.oid, 'EXECUTE')
         AND (p.prosrc LIKE '%app.tenant_directory%' OR p.prosrc LIKE '%app.person_directory%')
         AND p.prosrc NOT LIKE '%app.before_tenant()%' AND p.prosrc NOT LIKE '%app.tenant_id()%'`,
    ),
  )
  expect(rows).toEqual([])
})
