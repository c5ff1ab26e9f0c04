// Beyond run-command.test.ts: commands in one statement as well as in a transaction, and databases that stay away or
// silent.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { CommandContext } from '../../src/auth/command-context.ts'
import { permissionsOf } from '../../src/auth/permissions.ts'
import { type Done, done, refused } from '../../src/commands/outcome.ts'
import { type OneStatement, runCommand, type Work } from '../../src/commands/run-command.ts'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, openDatabase, type Transaction } from '../../src/db/database.ts'
import { sqlstateOf, toAppError } from '../../src/db/faults.ts'
import { EVERYTHING } from '../../src/db/scope.ts'
import { asAdmin } from '../support/cluster.ts'
import { asSuperuser, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { RAISE_IN_ONE_STATEMENT, raise, raiseRaw, resetTallies, tallyOf } from '../support/tally.ts'
import { fixtureId, TENANT_A, TENANT_B } from '../support/two-tenants.ts'
import { startWireProxy, type WireProxy } from '../support/wire-proxy.ts'

const SUBJECT = { type: 'Thing', id: '00000000-0000-7000-8000-000000000001' }
const EVENT = { type: 'thing.counted', subject: SUBJECT, payload: { by: 1 } }
const DONE = done(SUBJECT.id, [{ subject: SUBJECT, before: null, after: { n: 1 } }], [EVENT])
const OUTCOME = { id: SUBJECT.id, userErrors: [], isOwn: true, value: null, shown: null }
const TWINS = 100
const SILENCE_TIMEOUT_MS = 1_000
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
  database = openDatabase({
    url: proxy.url,
    poolMax: 4,
    namedStatements: true,
    silenceTimeoutMs: SILENCE_TIMEOUT_MS,
    logger,
  })
  await asSuperuser(test, async (client) => {
    await client.query('TRUNCATE audit_entries, outbox_events, idempotency_keys')
  })
  await resetTallies(test, [TENANT_A.id, TENANT_B.id], ['effects'])
})
afterEach(async () => {
  await database.close()
  await proxy.close()
})

function callerOf(tenant = TENANT_A): CommandContext {
  return {
    scope: { tenantId: tenant.id, writes: EVERYTHING },
    tenantSlug: tenant.slug,
    actor: { kind: 'MEMBER', id: fixtureId(tenant, 'members', 1), role: 'ADMIN', email: tenant.ownerEmail },
    permissions: permissionsOf('ADMIN'),
    requestId: 'request-1',
    database,
    clock: () => new Date(),
    logger,
  }
}

const count: Works = async (tx) => {
  await raise(tx, 'effects')
  return DONE
}

const thing = { permission: 'members:manage', errors: ['CONFLICT'], schema: z.looseObject({}) } as const
type Works = Work<'CONFLICT'>
type Call = {
  readonly name: string
  readonly input: object
  readonly idempotencyKey: string | null
  /** How this work runs. */
  readonly as: (work: Works) => Works | OneStatement<'CONFLICT', null, unknown>
}

const run = (caller: CommandContext, { name, input, idempotencyKey, as }: Call, work: Works) =>
  runCommand(caller, { ...thing, name }, { ...input, idempotencyKey }, as(work))

type Made = (more?: Partial<Call>, result?: Done) => Call
const inTransaction: Made = (more = {}) => ({
  name: 'thingCount',
  input: { by: 1 },
  idempotencyKey: 'key-1',
  as: (work) => work,
  ...more,
})
const inOneStatement: Made = (more = {}, result = DONE) => ({
  ...inTransaction(more),
  as: (whyRefused) => ({
    decide: () => ({ sql: RAISE_IN_ONE_STATEMENT, values: ['effects'], done: result }),
    whyRefused,
  }),
})

/** The row counts: `effects, audit, events, keys`. */
async function traces(tenant = TENANT_A): Promise<number[]> {
  return await asSuperuser(test, async (client) => {
    const { rows } = await client.query(
      `SELECT ${tallyOf('$1', 'effects')} AS effects,
         (SELECT count(*)::int FROM audit_entries WHERE tenant_id = $1) AS audit,
         (SELECT count(*)::int FROM outbox_events WHERE tenant_id = $1) AS events,
         (SELECT count(*)::int FROM idempotency_keys WHERE tenant_id = $1) AS keys`,
      [tenant.id],
    )
    return Object.values(rows[0])
  })
}

const NOTHING = [0, 0, 0, 0]
const ONCE = [1, 1, 1, 1]

const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error,
  )
const killBackends = () =>
  asAdmin(test.adminUrl, (admin) =>
    admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bulkhead_runtime' AND datname = $1`,
      [test.name],
    ),
  )

describe.each([
  ['in a transaction', inTransaction, 'COMMIT'],
  ['in one statement', inOneStatement, 'undo_command'],
] as const)('a command %s', (_, made, end) => {
  it(`case 34: ${TWINS} times at once under one key has one effect`, async () => {
    const calls = Array.from({ length: TWINS }, () => run(callerOf(), made(), count))
    for (const { id, userErrors } of await Promise.all(calls)) {
      const told = userErrors[0]?.code ?? id
      expect(['IDEMPOTENCY_KEY_IN_USE', SUBJECT.id]).toContain(told)
    }
    expect(await traces()).toEqual(ONCE)
    expect(await run(callerOf(), made(), count)).toEqual({ ...OUTCOME, replayed: true })
  })

  it('case 34: of one key has one input, in any order of its fields', async () => {
    const input = { by: 1, nested: { a: [1, { x: 'é', y: null }], b: undefined } }
    const same = { nested: { a: [1, { y: null, x: 'é' }] }, by: 1 }
    await run(callerOf(), made({ input }), count)
    expect(await run(callerOf(), made({ input: same }), count)).toMatchObject({ replayed: true })
    const other = await run(callerOf(), made({ input: { by: 2 } }), count)
    expect(other).toMatchObject({ id: null, userErrors: [{ code: 'IDEMPOTENCY_KEY_REUSED' }] })
    expect(await traces()).toEqual(ONCE)
  })

  it('cross-tenant: has a key that belongs to its tenant and operation', async () => {
    const answers = await Promise.all([
      run(callerOf(TENANT_A), made(), count),
      run(callerOf(TENANT_B), made({ input: { by: 2 } }), count),
      run(callerOf(TENANT_A), made({ name: 'thingRename', input: { by: 3 } }), count),
    ])
    for (const answer of answers) expect(answer).toEqual({ ...OUTCOME, replayed: false })
    expect([await traces(TENANT_A), await traces(TENANT_B)]).toEqual([[2, 2, 2, 2], ONCE])
  })

  it('case 41: whose audit or event cannot be written leaves nothing', async () => {
    const subject = { type: 'Thing', id: 'no uuid' }
    const badAudit = done(SUBJECT.id, [{ subject, before: null, after: null }], [EVENT])
    const badEvent = done(SUBJECT.id, DONE.audit, [{ ...EVENT, subject }])
    for (const bad of [badAudit, badEvent]) {
      const work: Works = async (tx, input) => ({ ...(await count(tx, input)), ...bad })
      await expect(run(callerOf(), made({}, bad), work)).rejects.toThrow('uuid')
      expect(await traces()).toEqual(NOTHING)
    }
    expect(await run(callerOf(), made(), count)).toEqual({ ...OUTCOME, replayed: false })
  })

  it('that refuses returns the reason, stores only the answer, and replays it', async () => {
    const answer = {
      id: null,
      userErrors: [{ field: null, message: 'no', code: 'CONFLICT' as const }],
      isOwn: false,
      value: null,
      shown: null,
    }
    const refusing: Works = async (tx) => {
      await tx.tenant.updateMany({ data: { name: 'half done' } })
      return refused(answer.userErrors)
    }
    await asSuperuser(test, (client) => client.query(`DELETE FROM exports WHERE requested_by = 'effects'`))
    expect(await run(callerOf(), made(), refusing)).toEqual({ ...answer, replayed: false })
    expect(await run(callerOf(), made(), refusing)).toEqual({ ...answer, replayed: true })
    expect((await traces()).slice(1)).toEqual([0, 0, 1])
    expect(
      await database
        .forTenant({ tenantId: TENANT_A.id, writes: EVERYTHING })
        .tenant.count({ where: { name: 'half done' } }),
    ).toBe(0)
  })

  it('case 44: whose COMMIT and look-up got no answer: does not claim that nothing happened', async () => {
    proxy.breakAt = ({ text }) => {
      if (!text.includes(end)) return null
      proxy.breakAt = () => 'lost'
      return 'unanswered'
    }
    const error = toAppError(await errorOf(run(callerOf(), made({ idempotencyKey: null }), count)))
    expect(error?.code).toBe('SERVICE_UNAVAILABLE')
    expect(error?.message).toContain('check whether it happened')
    proxy.breakAt = () => null
    expect(await traces()).toEqual([1, 1, 1, 0])
  })

  it('case 48: with the database down fails with that reason, changes nothing, and its key works afterwards', async () => {
    proxy.breakAt = () => 'lost'
    const error = await errorOf(run(callerOf(), made(), count))
    expect(toAppError(error)).toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    proxy.breakAt = () => null
    expect(await traces()).toEqual(NOTHING)
    expect(await run(callerOf(), made(), count)).toEqual({ ...OUTCOME, replayed: false })
    expect(await traces()).toEqual(ONCE)
  })

  it('case 48: with a silent database is looked up in bounded time', async () => {
    proxy.breakAt = ({ text }) => {
      if (!text.includes(end)) return null
      proxy.breakAt = () => null
      return 'silent'
    }
    const start = performance.now()
    expect(await run(callerOf(), made(), count)).toMatchObject(OUTCOME)
    expect(performance.now() - start).toBeLessThan(SILENCE_TIMEOUT_MS * 4)
    expect(await run(callerOf(), made(), count)).toEqual({ ...OUTCOME, replayed: true })
    expect(await traces()).toEqual(ONCE)
  })
})

describe('a command in one statement', () => {
  /** Of a database that waits for a lock without a bound: a call that waited would not end. */
  let patient: CommandContext
  beforeEach(() => {
    const opened = openDatabase({ url: test.runtimeUrl, poolMax: 4, namedStatements: true, logger })
    patient = { ...callerOf(), database: opened }
    return () => opened.close()
  })

  const whileHeld = async (key: string, during: () => Promise<void>) => {
    const locked = Promise.withResolvers<void>()
    const free = Promise.withResolvers<void>()
    const holding = run(patient, inTransaction({ idempotencyKey: key }), async (tx, input) => {
      const result = await count(tx, input)
      locked.resolve()
      await free.promise
      return result
    })
    await locked.promise
    await during().finally(free.resolve)
    await holding
  }

  it('whose key is in use says so while the other call holds the rows that it would wait for', async () => {
    await whileHeld('key-1', async () => {
      const { userErrors } = await run(patient, inOneStatement(), count)
      expect(userErrors).toMatchObject([{ code: 'IDEMPOTENCY_KEY_IN_USE' }])
    })
    expect(await traces()).toEqual(ONCE)
  })

  it('whose key was used is replayed while another call holds the rows that it would wait for', async () => {
    await run(patient, inOneStatement(), count)
    await whileHeld('key-2', async () => {
      expect(await run(patient, inOneStatement(), count)).toEqual({ ...OUTCOME, replayed: true })
    })
    expect(await traces()).toEqual([2, 2, 2, 2])
  })

  it('adds what the work found to its audit entry and its events', async () => {
    await run(callerOf(), inOneStatement(), count)
    await asSuperuser(test, async (client) => {
      const audit = await client.query('SELECT before, after FROM audit_entries')
      expect(audit.rows).toEqual([{ before: null, after: { n: 1, value: 1 } }])
      const events = await client.query('SELECT payload FROM outbox_events')
      expect(events.rows).toEqual([{ payload: { by: 1, value: 1 } }])
    })
  })

  it.each(['key-1', null])(
    'without a permission to write is refused by the database (key: %s)',
    async (idempotencyKey) => {
      const caller = { ...callerOf(), scope: { tenantId: TENANT_A.id } }
      const error = await errorOf(run(caller, inOneStatement({ idempotencyKey }), count))
      expect(sqlstateOf(error)).toBe('BK004')
      expect(await traces()).toEqual(NOTHING)
    },
  )
})

describe('a command', () => {
  it('whose work ignored a failed statement does not count as done', async () => {
    const careless: Works = async (tx) => {
      await count(tx, undefined)
      await tx.$queryRaw`SELECT 1 / 0`.catch(() => {})
      return DONE
    }
    await expect(run(callerOf(), inTransaction(), careless)).rejects.toThrow()
    expect(await traces()).toEqual(NOTHING)
    expect(await run(callerOf(), inTransaction(), count)).toEqual({ ...OUTCOME, replayed: false })
  })

  it('whose process was killed during the work has a free key', async () => {
    const started = Promise.withResolvers<void>()
    const killed = Promise.withResolvers<void>()
    const hanging: Works = async (tx) => {
      await raise(tx, 'effects')
      started.resolve()
      await killed.promise
      throw new Error('on purpose')
    }
    const first = errorOf(run(callerOf(), inTransaction(), hanging))
    await started.promise
    const meanwhile = await run(callerOf(), inTransaction(), count)
    expect(meanwhile).toMatchObject({ userErrors: [{ code: 'IDEMPOTENCY_KEY_IN_USE' }] })
    await killBackends()
    await expect.poll(async () => (await run(callerOf(), inTransaction(), count)).userErrors).toEqual([])
    killed.resolve()
    expect(await first).toMatchObject({ message: 'on purpose' })
    expect(await traces()).toEqual(ONCE)
  })
})

describe('case 46: a conflict that READ COMMITTED does not settle', () => {
  it.each([
    ['models', (tx: Transaction) => raise(tx, 'effects')],
    ['hand-written SQL', (tx: Transaction) => raiseRaw(tx, 'effects')],
  ])('40001, through %s: the work is run again', async (_, update) => {
    // Sessions are READ COMMITTED whatever the role says, so PostgreSQL is made to refuse the first of the updates. The
    // sequence counts them beyond the rollback.
    await asSuperuser(test, (client) =>
      client.query(`
        CREATE SEQUENCE app.updates;
        CREATE FUNCTION app.refuse_first() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
          IF nextval('app.updates') = 1 THEN
            RAISE EXCEPTION 'could not serialize access' USING ERRCODE = 'serialization_failure';
          END IF;
          RETURN NEW;
        END $$;
        CREATE TRIGGER refuse_first BEFORE UPDATE ON exports FOR EACH ROW EXECUTE FUNCTION app.refuse_first()`),
    )
    try {
      let runs = 0
      const refusedOnce: Works = async (tx) => {
        runs += 1
        await update(tx)
        return DONE
      }
      expect(await run(callerOf(), inTransaction(), refusedOnce)).toEqual({
        ...OUTCOME,
        replayed: false,
      })
      expect(runs).toBe(2)
      expect(await traces()).toEqual(ONCE)
    } finally {
      await asSuperuser(test, (client) =>
        client.query(`
          DROP TRIGGER refuse_first ON exports;
          DROP FUNCTION app.refuse_first();
          DROP SEQUENCE app.updates`),
      )
    }
  })

  it('that repeats is reported as retryable after a bounded number of attempts', async () => {
    let runs = 0
    const hopeless: Works = async () => {
      runs += 1
      throw Object.assign(new Error('could not serialize access'), { code: '40001' })
    }
    const error = await errorOf(run(callerOf(), inTransaction(), hopeless))
    expect(toAppError(error)).toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    expect(runs).toBe(5)
    expect(await traces()).toEqual(NOTHING)
  })
})
