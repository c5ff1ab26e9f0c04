// How long a caller's identity is believed while the database tells of changes, and when it no longer does: two processes
// on one database, each with a connection that hears of changes.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Authenticator, type Credentials, createAuthenticator } from '../../src/auth/authenticate.ts'
import { signDevelopmentToken } from '../../src/auth/development-token.ts'
import {
  createIdentityInvalidation,
  type IdentityInvalidation,
} from '../../src/auth/identity-invalidation.ts'
import { newApiKey } from '../../src/core/api-key.ts'
import { createLogger } from '../../src/core/logger.ts'
import { type AccessFeed, openAccessFeed } from '../../src/db/access-feed.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { asRuntime, asSuperuser, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TENANT_A, TENANT_B } from '../support/two-tenants.ts'
import { startWireProxy, type WireProxy } from '../support/wire-proxy.ts'
import { findPgBouncer, startPgBouncer } from '../walls/pgbouncer.ts'
import { createTestClock, createVerifier, SECRET, type TestClock } from './token-setup.ts'

/** For how long what the database said is believed without hearing from it. */
const BELIEVED_MS = 2_000
const AGE_MAX_MS = 60_000
const REQUEST = 'request-1'
const silent = createLogger('silent')

let files: TestDatabase
let database: Database
let lookUps: number
const key = newApiKey('test', TENANT_A.id)
beforeAll(async () => {
  files = await createTestDatabase({ seed: 'two-tenants' })
  const opened = openDatabase({ url: files.runtimeUrl, poolMax: 4, namedStatements: true, logger: silent })
  const counted =
    <Arguments extends unknown[], Answer>(resolve: (...given: Arguments) => Answer) =>
    (...given: Arguments) => {
      lookUps += 1
      return resolve(...given)
    }
  database = {
    ...opened,
    resolveMember: counted(opened.resolveMember),
    resolveApiKey: counted(opened.resolveApiKey),
    resolveSupport: counted(opened.resolveSupport),
  }
})
afterAll(async () => {
  await database?.close()
  await files?.drop()
})

type Process = {
  readonly sessions: IdentityInvalidation
  readonly feed: AccessFeed
  ask(who: Credentials): Promise<string>
}

let clock: TestClock
const open: AccessFeed[] = []
beforeEach(() => {
  clock = createTestClock()
  lookUps = 0
  return async () => {
    await Promise.all(open.splice(0).map((feed) => feed.close()))
  }
})

async function startProcess(url = files.runtimeUrl): Promise<Process> {
  const sessions = createIdentityInvalidation()
  const feed = openAccessFeed({ url, clock, logger: silent, retryMs: 50 })
  open.push(feed)
  sessions.follow(feed)
  const verifier = createVerifier('http://127.0.0.1:1/keys', clock)
  const authenticator: Authenticator = createAuthenticator({
    verifier,
    database,
    sessions,
    clock,
    logger: silent,
    keyMode: 'test',
  })
  await expect.poll(() => feed.hearing()).not.toBeNull()
  return {
    sessions,
    feed,
    // The role, or what a key or a grant permits, or the refusal.
    ask: async (who) => {
      try {
        const { actor, permissions } = await authenticator.authenticate(who, REQUEST)
        return actor.kind === 'MEMBER' ? actor.role : `${actor.kind} ${permissions.size}`
      } catch (error) {
        return (error as { code: string }).code
      }
    },
  }
}

/** Moves the clock, and waits until the process has heard from the database again. */
async function pass(ms: number, ...processes: Process[]): Promise<void> {
  clock.advance(ms)
  for (const { feed } of processes)
    await expect.poll(() => feed.hearing()?.untilMs, { timeout: 5_000 }).toBe(clock().getTime())
}

const bearer = (email: string, tenant: string, isSupport = false): Credentials => ({
  authorization: `Bearer ${signDevelopmentToken({ secret: SECRET, tenant, email, expiresInSeconds: 86_400, clock, isSupport })}`,
  tenant: undefined,
  address: '127.0.0.1',
})
const owner = () => bearer(TENANT_A.ownerEmail, TENANT_A.slug)
const supporter = () => bearer('sam@platform.example', TENANT_A.slug, true)
const program = (): Credentials => ({
  authorization: `Bearer ${key.secret}`,
  tenant: undefined,
  address: '127.0.0.1',
})

/** As a restore does, which leaves triggers out; and past the rule that a tenant keeps an owner. */
const change = (sql: string, values: readonly unknown[] = [TENANT_A.id]) =>
  asSuperuser(files, async (client) => {
    await client.query('SET LOCAL session_replication_role = replica')
    await client.query(sql, [...values])
  })
const prepare = async () => {
  await change(
    `UPDATE api_keys SET hash = $2, permissions = '{orders:read,orders:write}', expires_at = NULL,
      revoked_at = NULL, created_by_id = NULL, last_used_at = now()
    WHERE tenant_id = $1 AND id = (SELECT min(id::text)::uuid FROM api_keys WHERE tenant_id = $1)`,
    [TENANT_A.id, key.hash],
  )
  await change(
    `UPDATE support_grants SET access = 'READ', expires_at = '2040-01-01', revoked_at = NULL WHERE tenant_id = $1`,
  )
}
const OWNER = `tenant_id = $1 AND email = '${TENANT_A.ownerEmail}'`
const STATUS = 'UPDATE app.tenant_directory SET status ='

describe('while changes are told', () => {
  beforeAll(prepare)

  it.each([
    ['a member', owner],
    ['a key', program],
    ['staff', supporter],
  ])('%s is looked up once, however long they ask, until the age at which everybody is', async (_, who) => {
    const one = await startProcess()
    const credentials = who()
    const first = await one.ask(credentials)
    expect(first).not.toMatch(/FORBIDDEN|UNAUTHENTICATED/)
    for (let n = 0; n < 3; n += 1) {
      await pass(BELIEVED_MS, one)
      expect(await one.ask(credentials)).toBe(first)
    }
    expect(lookUps).toBe(1)
    await pass(AGE_MAX_MS - 3 * BELIEVED_MS, one)
    await one.ask(credentials)
    expect(lookUps).toBe(2)
  })

  it.each<[string, () => Credentials, string, string, string, string]>([
    [
      'a removed member',
      owner,
      'OWNER',
      'FORBIDDEN',
      `UPDATE members SET status = 'REMOVED' WHERE ${OWNER}`,
      `UPDATE members SET status = 'ACTIVE' WHERE ${OWNER}`,
    ],
    [
      'a changed role',
      owner,
      'OWNER',
      'VIEWER',
      `UPDATE members SET role = 'VIEWER' WHERE ${OWNER}`,
      `UPDATE members SET role = 'OWNER' WHERE ${OWNER}`,
    ],
    [
      'a changed address',
      owner,
      'OWNER',
      'FORBIDDEN',
      `UPDATE members SET email = 'other@a.example' WHERE ${OWNER}`,
      `UPDATE members SET email = '${TENANT_A.ownerEmail}' WHERE tenant_id = $1 AND email = 'other@a.example'`,
    ],
    [
      'a revoked key',
      program,
      'API_KEY 2',
      'UNAUTHENTICATED',
      'UPDATE api_keys SET revoked_at = now() WHERE tenant_id = $1',
      'UPDATE api_keys SET revoked_at = NULL WHERE tenant_id = $1',
    ],
    [
      'a narrower key',
      program,
      'API_KEY 2',
      'API_KEY 1',
      `UPDATE api_keys SET permissions = '{orders:read}' WHERE tenant_id = $1`,
      `UPDATE api_keys SET permissions = '{orders:read,orders:write}' WHERE tenant_id = $1`,
    ],
    [
      'a key that expires sooner',
      program,
      'API_KEY 2',
      'UNAUTHENTICATED',
      'UPDATE api_keys SET expires_at = now() WHERE tenant_id = $1',
      'UPDATE api_keys SET expires_at = NULL WHERE tenant_id = $1',
    ],
    [
      'a suspended tenant',
      owner,
      'OWNER',
      'FORBIDDEN',
      `${STATUS} 'SUSPENDED' WHERE id = $1`,
      `${STATUS} 'ACTIVE' WHERE id = $1`,
    ],
    [
      'a suspended tenant’s key',
      program,
      'API_KEY 2',
      'FORBIDDEN',
      `${STATUS} 'SUSPENDED' WHERE id = $1`,
      `${STATUS} 'ACTIVE' WHERE id = $1`,
    ],
    [
      'an ended grant',
      supporter,
      'SUPPORT',
      'FORBIDDEN',
      'UPDATE support_grants SET revoked_at = now() WHERE tenant_id = $1',
      'UPDATE support_grants SET revoked_at = NULL WHERE tenant_id = $1',
    ],
  ])('%s acts in all processes without waiting', async (_, who, before, after, sql, undo) => {
    const [one, two] = await Promise.all([startProcess(), startProcess()])
    const credentials = who()
    for (const process of [one, two]) expect(await process.ask(credentials)).toContain(before)
    await change(sql)
    try {
      for (const process of [one, two]) await expect.poll(() => process.ask(credentials)).toBe(after)
    } finally {
      await change(undo)
    }
    for (const process of [one, two]) await expect.poll(() => process.ask(credentials)).toContain(before)
  })

  it('a deleted member, key and grant are told, and a new grant that permits more', async () => {
    const one = await startProcess()
    const told: string[] = []
    one.feed.onChange((tenantId) => told.push(tenantId))
    const made = `jsonb_build_object('id', gen_random_uuid(), 'email', 'brief@a.example')`
    await change(
      `INSERT INTO members SELECT (jsonb_populate_record(m, ${made})).* FROM members m WHERE ${OWNER}`,
    )
    const [read] = await Promise.all([one.ask(supporter()), one.ask(owner())])
    await asSuperuser(files, (client) =>
      client.query(
        `INSERT INTO support_grants (tenant_id, id, access, reason, granted_by, expires_at)
        VALUES ($1, gen_random_uuid(), 'WRITE', 'why', 'who', '2041-01-01')`,
        [TENANT_A.id],
      ),
    )
    await expect.poll(() => one.ask(supporter())).not.toBe(read)
    for (const sql of [
      `DELETE FROM support_grants WHERE tenant_id = $1 AND access = 'WRITE'`,
      'DELETE FROM api_keys WHERE tenant_id = $1 AND hash <> $2',
      `DELETE FROM members WHERE tenant_id = $1 AND email = 'brief@a.example'`,
    ]) {
      told.length = 0
      await change(sql, sql.includes('$2') ? [TENANT_A.id, key.hash] : [TENANT_A.id])
      await expect.poll(() => told).toEqual([TENANT_A.id])
    }
    expect(await one.ask(owner())).toBe('OWNER')
  })

  it('a change by the server’s own role is told, once for a transaction', async () => {
    const one = await startProcess()
    const told: string[] = []
    one.feed.onChange((tenantId) => told.push(tenantId))
    await asRuntime(files, TENANT_A.id, async (client) => {
      await client.query('UPDATE members SET name = name')
      await client.query('UPDATE support_grants SET reason = reason')
    })
    await pass(1, one)
    expect(told).toEqual([TENANT_A.id])
  })

  it('the note of a key’s last use is no change', async () => {
    const one = await startProcess()
    const told: string[] = []
    one.feed.onChange((tenantId) => told.push(tenantId))
    await change(`UPDATE api_keys SET last_used_at = now() - interval '1 hour' WHERE tenant_id = $1`)
    await one.ask(program())
    await pass(1, one)
    expect(told).toEqual([])
    expect(lookUps).toBe(1)
  })

  it('cross-tenant: changes of another tenant, and forged messages, cost no look-up of ours', async () => {
    const one = await startProcess()
    const credentials = owner()
    await one.ask(credentials)
    const told: string[] = []
    one.feed.onChange((tenantId) => told.push(tenantId))
    await change(`UPDATE members SET role = role WHERE tenant_id = $1`, [TENANT_B.id])
    await asRuntime(files, null, (client) =>
      client.query(`SELECT pg_notify('bulkhead_access', 'nobody'), pg_notify('bulkhead_access', '')`),
    )
    await expect.poll(() => told).toEqual([TENANT_B.id, 'nobody', ''])
    expect(await one.ask(credentials)).toBe('OWNER')
    expect(lookUps).toBe(1)
  })

  it('who is not a member is looked up again after 2 s, since nobody tells of new members', async () => {
    const one = await startProcess()
    const stranger = bearer('stranger@a.example', TENANT_A.slug)
    expect(await one.ask(stranger)).toBe('FORBIDDEN')
    await pass(BELIEVED_MS, one)
    expect(await one.ask(stranger)).toBe('FORBIDDEN')
    expect(lookUps).toBe(2)
  })

  it('an invited person is looked up again after 2 s, since invitations expire', async () => {
    await change(`UPDATE invitations SET email = 'invited@a.example', status = 'PENDING', token_hash = sha256('x'), expires_at = '2040-01-01',
      accepted_at = NULL WHERE tenant_id = $1 AND id = (SELECT min(id::text)::uuid FROM invitations WHERE tenant_id = $1)`)
    const one = await startProcess()
    const invited = bearer('invited@a.example', TENANT_A.slug)
    expect(await one.ask(invited)).toBe('INVITED 1')
    await pass(BELIEVED_MS, one)
    await one.ask(invited)
    expect(lookUps).toBe(2)
  })

  it('nothing is believed after a clock was set back', async () => {
    const one = await startProcess()
    const credentials = owner()
    await one.ask(credentials)
    clock.advance(-AGE_MAX_MS)
    await one.ask(credentials)
    expect(lookUps).toBe(2)
  })
})

describe('when the connection is lost', () => {
  let proxy: WireProxy
  beforeEach(async () => {
    await prepare()
    proxy = await startWireProxy(files.runtimeUrl)
    return () => proxy.close()
  })
  const remove = (status: string) =>
    change(`UPDATE members SET status = $2 WHERE ${OWNER}`, [TENANT_A.id, status])

  it.each([
    ['without notice, as by a router in between', 'silent'],
    ['and noticed', 'lost'],
  ] as const)('%s: what was heard is believed for 2 s and no longer', async (_, how) => {
    const one = await startProcess(proxy.url)
    const credentials = owner()
    expect(await one.ask(credentials)).toBe('OWNER')
    await pass(BELIEVED_MS, one)
    expect(await one.ask(credentials)).toBe('OWNER')
    expect(lookUps).toBe(1)
    const beats = proxy.messages.length
    proxy.breakAt = () => how
    await expect.poll(() => proxy.messages.length).toBeGreaterThan(beats)
    await remove('REMOVED')
    try {
      clock.advance(BELIEVED_MS)
      expect(await one.ask(credentials)).toBe('FORBIDDEN')
    } finally {
      await remove('ACTIVE')
    }
  })

  it('and comes back: what was looked up before is not believed for longer, since a change may have been missed', async () => {
    const one = await startProcess(proxy.url)
    const credentials = owner()
    expect(await one.ask(credentials)).toBe('OWNER')
    const before = one.feed.hearing()?.id
    const isBack = () => one.feed.hearing() !== null && one.feed.hearing()?.id !== before
    let isMissed = false
    proxy.breakAt = ({ text }) => (text === 'SELECT 1' || !isMissed ? 'lost' : null)
    await expect.poll(() => one.feed.hearing()).toBeNull()
    await remove('REMOVED')
    isMissed = true
    proxy.breakAt = () => null
    try {
      await expect.poll(isBack, { timeout: 5_000 }).toBe(true)
      await pass(BELIEVED_MS, one)
      expect(await one.ask(credentials)).toBe('FORBIDDEN')
    } finally {
      await remove('ACTIVE')
    }
    await expect.poll(() => one.ask(credentials)).toBe('OWNER')
    lookUps = 0
    await pass(BELIEVED_MS, one)
    expect(await one.ask(credentials)).toBe('OWNER')
    expect(lookUps).toBe(0)
  })

  it('by the server, the feed hears again, and the log has one line for the loss', async () => {
    const log: string[] = []
    const feed = openAccessFeed({
      url: files.runtimeUrl,
      clock,
      logger: createLogger('warn', { write: (line) => log.push(line) }),
      retryMs: 50,
    })
    open.push(feed)
    await expect.poll(() => feed.hearing()?.id).toBe(1)
    await asSuperuser(files, (client) =>
      client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'bulkhead access feed'`),
    )
    await expect.poll(() => feed.hearing()?.id ?? 0, { timeout: 5_000 }).toBeGreaterThan(1)
    expect(log).toHaveLength(1)
  })
})

const pgBouncer = findPgBouncer()
it.skipIf(pgBouncer === null)(
  `behind a pooler (${pgBouncer?.version ?? 'PgBouncer is missing'}) nothing is told, and everybody is looked up after 2 s`,
  async () => {
    const pooler = await startPgBouncer(files.runtimeUrl, 2)
    const log: string[] = []
    const feed = openAccessFeed({
      url: pooler.url,
      clock,
      logger: createLogger('info', { write: (line) => log.push(line) }),
    })
    try {
      await expect.poll(() => log.join('\n')).toContain('behind a pooler')
      expect(feed.hearing()).toBeNull()
    } finally {
      await feed.close()
      await pooler.stop()
    }
  },
)
