// Several mutations in one operation, and a database that stops in the middle of them.
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { type Api, startApi } from '../support/api.ts'
import { asAdmin } from '../support/cluster.ts'
import { asSuperuser } from '../support/database.ts'
import { newEmail } from '../support/people.ts'

const MUTATIONS = 20
/** The mutation during which the database stops. */
const STOPPED_AT = 10
const LOCK = 42

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

/** Aliases `m1` to `m20`, each with a key of its own. */
const document = `mutation { ${Array.from(
  { length: MUTATIONS },
  (_, index) =>
    `m${index + 1}: memberInvite(input: { idempotencyKey: "key-${index + 1}", role: VIEWER, email: "${newEmail()}" }) {
      invitation { email } userErrors { code } }`,
).join(' ')} }`

async function invitationCount(): Promise<number> {
  return await asSuperuser(api.database, async (client) => {
    const { rows } = await client.query('SELECT count(*)::int AS count FROM invitations')
    return rows[0].count
  })
}

/** From the chosen row on, inserting an invitation waits for the lock. */
const HOLD = `
  CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT count(*) FROM public.invitations) >= ${STOPPED_AT} THEN PERFORM pg_advisory_xact_lock(${LOCK}); END IF;
    RETURN NULL; END $$;
  CREATE TRIGGER hold AFTER INSERT ON invitations FOR EACH ROW EXECUTE FUNCTION hold()`

/** Stops the database for the server while `work` is in its chosen mutation; resolves when the work has ended. */
async function stoppedDuring<T>(work: () => Promise<T>): Promise<T> {
  const { adminUrl } = inject('cluster')
  const { name } = api.database
  await asSuperuser(api.database, (client) => client.query(HOLD))
  const running = await asAdmin(adminUrl, async (admin) => {
    const holder = asAdmin(api.database.adminUrl, async (client) => {
      await client.query('SELECT pg_advisory_lock($1)', [LOCK])
      const begun = work()
      const waits = () =>
        admin
          .query(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`)
          .then(({ rowCount }) => rowCount)
      await expect.poll(waits, { timeout: 20_000 }).toBe(1)
      await admin.query(`ALTER DATABASE ${name} CONNECTION LIMIT 0`)
      await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND usename = 'bulkhead_runtime'`,
        [name],
      )
      return { answer: await begun }
    })
    try {
      return await holder
    } finally {
      await admin.query(`ALTER DATABASE ${name} CONNECTION LIMIT -1`)
    }
  })
  await asSuperuser(api.database, (client) => client.query('DROP FUNCTION hold CASCADE'))
  return running.answer
}

it('what was committed before the database stopped is answered, and the same operation again finishes the rest once', async () => {
  const { url } = api
  const { authorization } = api.as('A')
  const post = () =>
    fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        authorization,
      },
      body: JSON.stringify({ query: document }),
    })
  await api.as('A').data('{ viewer { permissions } }')
  const response = await stoppedDuring(post)
  const { data, errors } = (await response.json()) as {
    data: Record<string, unknown>
    errors: { path: string[]; extensions: Record<string, unknown> }[]
  }
  const names = Array.from({ length: MUTATIONS }, (_, index) => `m${index + 1}`)
  const [done, failed] = [names.slice(0, STOPPED_AT - 1), names.slice(STOPPED_AT - 1)]
  for (const name of done)
    expect(data[name], name).toEqual({ invitation: { email: expect.any(String) }, userErrors: [] })
  for (const name of failed) expect(data[name], name).toBeNull()
  expect(errors.map(({ path }) => path)).toEqual(failed.map((name) => [name]))
  for (const { extensions } of errors)
    expect(extensions).toMatchObject({ code: 'SERVICE_UNAVAILABLE', retryAfterSeconds: 1 })
  expect([response.status, response.headers.get('retry-after')]).toEqual([200, '1'])
  expect(await invitationCount()).toBe(done.length)

  const again = await api.as('A').data(document)
  for (const name of names)
    expect(again[name], name).toEqual({ invitation: { email: expect.any(String) }, userErrors: [] })
  expect(await invitationCount()).toBe(MUTATIONS)
  const audited = await asSuperuser(api.database, async (client) => {
    const { rows } = await client.query(
      `SELECT count(*)::int AS count FROM audit_entries WHERE action = 'memberInvite'`,
    )
    return rows[0].count
  })
  expect(audited).toBe(MUTATIONS)
}, 60_000)
