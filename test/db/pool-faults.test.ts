import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, openDatabase, type Transaction } from '../../src/db/database.ts'
import { CommitUnknown, faultOf, isRetryable, toAppError } from '../../src/db/faults.ts'
import { EVERYTHING } from '../../src/db/scope.ts'
import { asAdmin } from '../support/cluster.ts'
import { asSuperuser, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { SEEDED, TENANT_A, TENANT_B } from '../support/two-tenants.ts'
import { startWireProxy, type WireProxy } from '../support/wire-proxy.ts'

const A = { tenantId: TENANT_A.id, writes: EVERYTHING }
const B = { tenantId: TENANT_B.id, writes: EVERYTHING }
const POOL_MAX = 2
/** It also limits a new connection, so less would be BUSY where a machine is merely slow. */
const ACQUIRE_TIMEOUT_MS = 20_000
/** For tests of BUSY; their connections are made before. */
const SHORT_ACQUIRE_TIMEOUT_MS = 500
/** A fault that settles does so long before a silent connection would be destroyed, after 30 s. */
const SOON_MS = 15_000
/** A backend that was told to end finishes its current work; the next statement could still be answered. */
const KILLED_WITHIN_MS = 20_000
const logger = createLogger('silent')

let test: TestDatabase
let proxy: WireProxy
let database: Database
beforeAll(async () => {
  test = await createTestDatabase({ seed: 'two-tenants' })
})
afterAll(() => test?.drop())
beforeEach(async () => {
  proxy = await startWireProxy(test.runtimeUrl)
  database = open(ACQUIRE_TIMEOUT_MS)
})
afterEach(async () => {
  await database.close()
  await proxy.close()
})

function open(acquireTimeoutMs: number): Database {
  return openDatabase({ url: proxy.url, poolMax: POOL_MAX, namedStatements: true, acquireTimeoutMs, logger })
}

/** The outcome of a promise, and its duration. */
async function outcomeOf(work: Promise<unknown>): Promise<{ error: unknown; ms: number }> {
  const start = performance.now()
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  )
  return { error, ms: performance.now() - start }
}

const rename = (tx: Transaction, name: string) => tx.tenant.updateMany({ data: { name } })
const nameOf = async (scope: { tenantId: string; writes?: string }) =>
  (await database.forTenant(scope).tenant.findFirstOrThrow()).name
/** Reads a table that `blocked` has locked: as slow as the lock is held. */
const slowRead = (handle: Pick<Transaction, 'invitation'>) => handle.invitation.count()

/** Runs `work` while the table of invitations is locked. */
async function blocked<T>(work: () => Promise<T>): Promise<T> {
  return await asSuperuser(test, async (admin) => {
    await admin.query('LOCK TABLE invitations')
    return await work()
  })
}

async function backendsThat(condition: string): Promise<number> {
  return await asAdmin(test.adminUrl, async (admin) => {
    const { rowCount } = await admin.query(
      `SELECT FROM pg_stat_activity WHERE usename = 'bulkhead_runtime' AND datname = $1 AND ${condition}`,
      [test.name],
    )
    return rowCount ?? 0
  })
}

const waitingBackends = () => backendsThat("wait_event_type = 'Lock'")

/** Resolves when they have ended. */
const killBackends = () =>
  asAdmin(test.adminUrl, (admin) =>
    admin.query(
      `SELECT pg_terminate_backend(pid, $2) FROM pg_stat_activity WHERE usename = 'bulkhead_runtime' AND datname = $1`,
      [test.name, KILLED_WITHIN_MS],
    ),
  )

/** Runs `work` with a setting of the runtime role's new sessions. */
async function withSetting(name: string, value: string, work: () => Promise<void>): Promise<void> {
  const role = `ALTER ROLE bulkhead_runtime IN DATABASE ${test.name}`
  await asAdmin(test.adminUrl, (admin) => admin.query(`${role} SET ${name} = '${value}'`))
  try {
    await work()
  } finally {
    await asAdmin(test.adminUrl, (admin) => admin.query(`${role} RESET ${name}`))
  }
}

/** Both tenants read their rows, on every connection at once, and the pool is healthy. */
async function expectHealthy(): Promise<void> {
  const reads = await Promise.all(
    [A, B, A, B].map((scope) => database.forTenant(scope).export.findMany({ select: { tenantId: true } })),
  )
  expect(reads.map((rows) => rows.map(({ tenantId }) => tenantId))).toEqual(
    [A, B, A, B].map(({ tenantId }) => Array(SEEDED).fill(tenantId)),
  )
  await expect.poll(() => database.poolState()).toMatchObject({ waiting: 0, total: POOL_MAX, idle: POOL_MAX })
}

describe('a server that refuses new connections', () => {
  it.each([
    [
      'since the database accepts none',
      () => `ALTER DATABASE ${test.name} ALLOW_CONNECTIONS false`,
      () => `ALTER DATABASE ${test.name} ALLOW_CONNECTIONS true`,
      '55000',
    ],
    [
      'since the role lacks the right to it',
      () => `REVOKE CONNECT ON DATABASE ${test.name} FROM PUBLIC, bulkhead_runtime`,
      () => `GRANT CONNECT ON DATABASE ${test.name} TO PUBLIC, bulkhead_runtime`,
      '42501',
    ],
  ])('%s, is not available, and is again when it accepts them', async (_why, refuse, accept, sqlstate) => {
    // A session cannot close its own database.
    const elsewhere = new URL(test.adminUrl)
    elsewhere.pathname = '/postgres'
    const run = (statement: string) => asAdmin(elsewhere.href, (admin) => admin.query(statement))
    await run(refuse())
    try {
      for (const work of [() => nameOf(A), () => database.withTenant(A, (tx) => rename(tx, 'x'))]) {
        const { error } = await outcomeOf(work())
        expect(faultOf(error)).toBe('UNAVAILABLE')
        expect(isRetryable(error)).toBe(false)
        expect(toAppError(error)).toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
        expect(String(error)).toContain(`SQLSTATE ${sqlstate}`)
      }
    } finally {
      await run(accept())
    }
    await expectHealthy()
  })
})

describe('case 44: a backend that is killed', () => {
  it('while idle: the next query is answered', async () => {
    await expectHealthy()
    await killBackends()
    await expect.poll(() => database.poolState().total).toBe(0)
    await expectHealthy()
  })

  it('in a query: a retryable error, at once', async () => {
    const { error, ms } = await blocked(async () => {
      const slow = outcomeOf(slowRead(database.forTenant(A)))
      await expect.poll(waitingBackends).toBe(1)
      await killBackends()
      return await slow
    })
    expect(faultOf(error)).toBe('CONNECTION_LOST')
    expect(isRetryable(error)).toBe(true)
    expect(toAppError(error)).toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    expect(ms).toBeLessThan(SOON_MS)
    await expectHealthy()
  })

  it('between the statements of a transaction: a retryable error, and nothing is written', async () => {
    const { error } = await outcomeOf(
      database.withTenant(A, async (tx) => {
        await rename(tx, 'half done')
        await killBackends()
        await tx.export.count()
      }),
    )
    expect(faultOf(error)).toBe('CONNECTION_LOST')
    expect(isRetryable(error)).toBe(true)
    expect(await nameOf(A)).toBe('Tenant')
    await expectHealthy()
  })

  it('while its transaction does something else: the next statement fails', async () => {
    const { error } = await outcomeOf(
      database.withTenant(A, async (tx) => {
        await rename(tx, 'half done')
        await killBackends()
        await sleep(50) // for the loss to be seen while nothing is asked: if it is not, the answer is the same
        await tx.export.count()
      }),
    )
    expect(faultOf(error)).toBe('CONNECTION_LOST')
    expect(await nameOf(A)).toBe('Tenant')
    await expectHealthy()
  })

  it('before the COMMIT: the outcome is reported as unknown', async () => {
    const { error } = await outcomeOf(
      database.withTenant(A, async (tx) => {
        await rename(tx, 'half done')
        await killBackends()
      }),
    )
    expect(error).toBeInstanceOf(CommitUnknown)
    expect(isRetryable(error)).toBe(false)
    expect(toAppError(error)).toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    expect(await nameOf(A)).toBe('Tenant')
    await expectHealthy()
  })
})

describe('case 44: a connection that breaks', () => {
  it.each([
    ['lost' as const, 'Tenant'],
    ['unanswered' as const, 'renamed'],
  ])('at COMMIT, %s: CommitUnknown', async (chosen, name) => {
    proxy.breakAt = ({ text }) => (text === 'COMMIT' ? chosen : null)
    const { error } = await outcomeOf(database.withTenant(A, (tx) => rename(tx, 'renamed')))
    proxy.breakAt = () => null
    expect(error).toBeInstanceOf(CommitUnknown)
    expect(await nameOf(A)).toBe(name)
    await database.withTenant(A, (tx) => rename(tx, 'Tenant'))
    await expectHealthy()
  })

  it.each(['lost' as const, 'unanswered' as const])('in a query, %s: a retryable error', async (chosen) => {
    proxy.breakAt = ({ text }) => (text.includes('exports') ? chosen : null)
    const { error } = await outcomeOf(database.forTenant(A).export.findMany())
    proxy.breakAt = () => null
    expect(faultOf(error)).toBe('CONNECTION_LOST')
    await expectHealthy()
  })

  it.each(['lost' as const, 'unanswered' as const])(
    'at the first statement of a transaction, %s: a retryable error, no CommitUnknown',
    async (chosen) => {
      proxy.breakAt = ({ text }) => (text === 'BEGIN' ? chosen : null)
      const { error } = await outcomeOf(database.withTenant(A, (tx) => rename(tx, 'half done')))
      proxy.breakAt = () => null
      expect(error).not.toBeInstanceOf(CommitUnknown)
      expect(isRetryable(error)).toBe(true)
      expect(await nameOf(A)).toBe('Tenant')
      await expectHealthy()
    },
  )
})

describe('case 45: bounds', () => {
  it('an exhausted pool is BUSY after the acquire timeout, for reads and transactions, and recovers', async () => {
    await database.close()
    database = open(SHORT_ACQUIRE_TIMEOUT_MS)
    await expectHealthy()
    const gate = Promise.withResolvers<void>()
    const holders = Array.from({ length: POOL_MAX }, () =>
      database.withTenant(A, async (tx) => {
        await tx.export.count()
        await gate.promise
      }),
    )
    await expect.poll(() => database.poolState()).toMatchObject({ idle: 0, total: POOL_MAX })
    const waiters = await Promise.all([
      ...Array.from({ length: 20 }, () => outcomeOf(database.forTenant(B).export.findMany())),
      ...Array.from({ length: 20 }, () => outcomeOf(database.withTenant(B, (tx) => tx.export.count()))),
      outcomeOf(database.forTenant(B).export.readMany({ select: { id: true } })),
      outcomeOf(database.resolveMember(TENANT_B.slug, TENANT_B.ownerEmail)),
      outcomeOf(database.ping()),
    ])
    for (const { error, ms } of waiters) {
      expect(faultOf(error)).toBe('BUSY')
      expect(isRetryable(error)).toBe(false)
      expect(toAppError(error)).toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
      expect(ms).toBeLessThan(SOON_MS)
    }
    gate.resolve()
    await Promise.all(holders)
    await expectHealthy()
  })

  it('a query outside the transaction of its caller is refused, and does not wait for a second connection', async () => {
    const { error, ms } = await outcomeOf(
      database.withTenant(A, async () => await database.forTenant(A).export.count()),
    )
    expect((error as Error).message).toContain('was sent outside its transaction')
    expect(ms).toBeLessThan(ACQUIRE_TIMEOUT_MS)
    await expectHealthy()
  })

  it('a slow statement is cancelled in the server: TIMEOUT, and nothing goes on running', async () => {
    await withSetting('statement_timeout', '1s', async () => {
      for (const work of [
        () => slowRead(database.forTenant(A)),
        () => database.withTenant(A, slowRead),
        () => database.withTenant(A, (tx) => tx.$queryRaw`SELECT count(*) FROM invitations`),
      ]) {
        const { error, ms } = await blocked(async () => {
          const outcome = await outcomeOf(work())
          expect(await waitingBackends()).toBe(0)
          return outcome
        })
        expect(faultOf(error)).toBe('TIMEOUT')
        expect(toAppError(error)).toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
        expect(ms).toBeLessThan(SOON_MS)
        await expectHealthy()
      }
    })
  })

  it('a transaction left open is ended by the server: a retryable error, and its connection is discarded', async () => {
    await withSetting('idle_in_transaction_session_timeout', '100ms', async () => {
      const { error } = await outcomeOf(
        database.withTenant(A, async (tx) => {
          await rename(tx, 'half done')
          await expect.poll(() => backendsThat("state = 'idle in transaction'")).toBe(0)
          await tx.export.count()
        }),
      )
      expect(faultOf(error)).toBe('CONNECTION_LOST')
      expect(await nameOf(A)).toBe('Tenant')
      await expectHealthy()
    })
  })

  it('every statement that is running when its connection breaks settles', async () => {
    await expectHealthy()
    const outcomes = await blocked(async () => {
      const running = [
        ...Array.from({ length: 10 }, () => outcomeOf(slowRead(database.forTenant(A)))),
        outcomeOf(database.withTenant(B, (tx) => Promise.all(Array.from({ length: 5 }, () => slowRead(tx))))),
      ]
      await expect.poll(waitingBackends).toBe(POOL_MAX)
      let haveSettled = false
      const all = Promise.all(running).finally(() => {
        haveSettled = true
      })
      // Waiting requests get a connection, and lose it in turn.
      while (!haveSettled) await killBackends()
      return await all
    })
    for (const { error } of outcomes) expect(faultOf(error)).toBe('CONNECTION_LOST')
    await expectHealthy()
  })
})

describe('the database’s end', () => {
  it('close() during a transaction ends, and every statement settles', async () => {
    const own = openDatabase({ url: test.runtimeUrl, poolMax: 1, namedStatements: true, logger })
    const started = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    const open = outcomeOf(
      own.withTenant(A, async (tx) => {
        await rename(tx, 'half done')
        started.resolve()
        await gate.promise
        await tx.export.count()
      }),
    )
    await started.promise
    const closing = own.close()
    gate.resolve()
    expect((await open).error).not.toBeNull()
    await closing
    expect(await nameOf(A)).toBe('Tenant')
    const late = await outcomeOf(own.forTenant(A).export.count())
    expect(toAppError(late.error)).toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  })
})
