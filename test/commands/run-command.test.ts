// The write pipeline: exactly once, and all or nothing, whatever fails meanwhile.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { CommandContext } from '../../src/auth/command-context.ts'
import { permissionsOf, type Role } from '../../src/auth/permissions.ts'
import { auditOf } from '../../src/commands/edit.ts'
import { type Done, done, refused } from '../../src/commands/outcome.ts'
import { runCommand, runInternalCommand, type Work } from '../../src/commands/run-command.ts'
import { newId } from '../../src/core/ids.ts'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, openDatabase, type Transaction } from '../../src/db/database.ts'
import { EVERYTHING } from '../../src/db/scope.ts'
import { asSuperuser, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { raise, raiseRaw, resetTallies, tallyOf } from '../support/tally.ts'
import { fixtureId, TENANT_A, TENANT_B } from '../support/two-tenants.ts'
import { startWireProxy, type WireProxy } from '../support/wire-proxy.ts'

const TWINS = 100
const TALLY = 'counted'
const logger = createLogger('silent')

let testDatabase: TestDatabase
let proxy: WireProxy
let database: Database
beforeAll(async () => {
  testDatabase = await createTestDatabase({ seed: 'two-tenants' })
  await resetTallies(testDatabase, [TENANT_A.id, TENANT_B.id], [TALLY])
  proxy = await startWireProxy(testDatabase.runtimeUrl)
  // Without names every statement passes the proxy with its text, by which the break is chosen.
  database = openDatabase({ url: proxy.url, poolMax: 8, namedStatements: false, logger })
})
afterEach(() => {
  proxy.breakAt = () => null
})
afterAll(async () => {
  await database?.close()
  await proxy?.close()
  await testDatabase?.drop()
})

function callerOf(tenant = TENANT_A, role: Role = 'OWNER'): CommandContext {
  return {
    scope: { tenantId: tenant.id, writes: EVERYTHING },
    tenantSlug: tenant.slug,
    actor: { kind: 'MEMBER', id: fixtureId(tenant, 'members', 1), role, email: 'somebody@example.com' },
    permissions: permissionsOf(role),
    requestId: newId(),
    database,
    clock: () => new Date(),
    logger,
  }
}

const counter = { permission: 'members:manage', errors: ['TOO_MUCH'], schema: z.looseObject({}) } as const
type CallOf = {
  readonly name: string
  readonly input: object
  readonly idempotencyKey?: string | null | undefined
}

const commandOf = (more: Partial<CallOf> = {}): CallOf => ({
  name: 'counterRaise',
  input: { by: 1 },
  idempotencyKey: newId(),
  ...more,
})

/** A write without a use case: adds 1 to a tally, with its audit record and message. */
async function count(tx: Transaction): Promise<Done> {
  const id = newId()
  await raiseRaw(tx, TALLY)
  const subject = { type: 'Counter', id }
  return done(id, [auditOf(subject, null, { by: 1 })], [{ type: 'counter.raised', subject, payload: {} }])
}

const run = ({ name, input, idempotencyKey }: CallOf, work: Work<'TOO_MUCH'> = count, caller = callerOf()) =>
  runCommand(caller, { ...counter, name }, { ...input, idempotencyKey }, work)

/** The tenant's rows that a command leaves. */
async function traces(
  tenant = TENANT_A,
): Promise<{ counter: number; audit: number; events: number; keys: number }> {
  return await asSuperuser(testDatabase, async (client) => {
    const { rows } = await client.query(
      `SELECT ${tallyOf('$1', TALLY)} AS counter,
         (SELECT count(*)::int FROM audit_entries WHERE tenant_id = $1) AS audit,
         (SELECT count(*)::int FROM outbox_events WHERE tenant_id = $1) AS events,
         (SELECT count(*)::int FROM idempotency_keys WHERE tenant_id = $1) AS keys`,
      [tenant.id],
    )
    return rows[0]
  })
}

/** The change of the traces by `work`. */
async function left(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await traces()
  await work()
  const after = await traces()
  return Object.fromEntries(
    Object.entries(after).map(([name, count]) => [name, count - before[name as keyof typeof before]]),
  )
}

let isBroken = false

/** Breaks only the connection of the first statement with this text. */
function breakOnce(how: 'lost' | 'unanswered', at = 'COMMIT'): void {
  isBroken = false
  proxy.breakAt = ({ text }) => {
    if (isBroken || !text.includes(at)) return null
    isBroken = true
    return how
  }
}

const ONCE = { counter: 1, audit: 1, events: 1, keys: 1 }
const NOTHING = { counter: 0, audit: 0, events: 0, keys: 0 }

describe('one command', () => {
  it('leaves its work, an audit entry, an event and its outcome, in two messages', async () => {
    let messages = 0
    const traced = left(async () => {
      const made = await proxy.during(() => run(commandOf()))
      messages = made.messages.filter(({ type }) => type === 'S').length
      expect(made.result).toMatchObject({ userErrors: [], replayed: false })
    })
    expect(await traced).toEqual(ONCE)
    // BEGIN, the scope and the key's claim travel with the work's statement; the record travels with COMMIT.
    expect(messages).toBe(2)
  })

  it('without the permission: FORBIDDEN, naming it, and nothing is sent', async () => {
    const before = proxy.bytes
    const refusal = run(commandOf(), count, callerOf(TENANT_A, 'VIEWER'))
    await expect(refusal).rejects.toMatchObject({
      code: 'FORBIDDEN',
      details: { permission: 'members:manage' },
    })
    expect(proxy.bytes).toBe(before)
  })

  it('a key that is empty or too long is refused, and stores nothing', async () => {
    for (const [idempotencyKey, code] of [
      ['', 'REQUIRED'],
      ['k'.repeat(256), 'TOO_LONG'],
    ] as const) {
      const traced = left(async () => {
        const { userErrors } = await run(commandOf({ idempotencyKey }))
        expect(userErrors).toMatchObject([{ field: ['idempotencyKey'], code }])
      })
      expect(await traced).toEqual(NOTHING)
    }
  })

  it('case 41: work that throws leaves nothing, and neither does a record that fails', async () => {
    const command = commandOf()
    const thrown = new Error('a bug')
    const failing: Work<'TOO_MUCH'> = async (tx) => {
      await count(tx)
      throw thrown
    }
    expect(await left(() => expect(run(command, failing)).rejects.toBe(thrown))).toEqual(NOTHING)
    const unrecordable: Work<'TOO_MUCH'> = async (tx) => ({
      ...(await count(tx)),
      audit: [auditOf({ type: 'Counter', id: 'no uuid' }, null, {})],
    })
    expect(await left(() => expect(run(command, unrecordable)).rejects.toThrow())).toEqual(NOTHING)
    expect(await left(() => run(command))).toEqual(ONCE)
  })

  it('a transaction is never opened inside another', async () => {
    const nesting: Work<'TOO_MUCH'> = async () => {
      await run(commandOf())
      throw new Error('it was opened')
    }
    await expect(run(commandOf(), nesting)).rejects.toThrow('inside a transaction')
  })
})

describe('one key', () => {
  it(`case 34: the same call ${TWINS} times at once has one effect; the others get the outcome, or an error to wait`, async () => {
    const command = commandOf()
    const traced = left(async () => {
      const outcomes = await Promise.all(Array.from({ length: TWINS }, () => run(command)))
      const made = outcomes.filter(({ replayed, id }) => id !== null && !replayed)
      expect(made).toHaveLength(1)
      for (const { id, replayed, userErrors } of outcomes) {
        if (replayed) expect({ id, userErrors }).toEqual({ id: made[0]?.id, userErrors: [] })
        else if (id === null) expect(userErrors).toMatchObject([{ code: 'IDEMPOTENCY_KEY_IN_USE' }])
      }
      expect(await run(command)).toEqual({
        id: made[0]?.id,
        userErrors: [],
        replayed: true,
        isOwn: true,
        value: null,
        shown: null,
      })
    })
    expect(await traced).toEqual(ONCE)
  })

  it('case 34: with another input it is refused, and nothing is changed', async () => {
    const command = commandOf()
    await run(command)
    const traced = left(async () => {
      const { id, userErrors } = await run({ ...command, input: { by: 2 } })
      expect({ id, userErrors }).toMatchObject({ id: null, userErrors: [{ code: 'IDEMPOTENCY_KEY_REUSED' }] })
    })
    expect(await traced).toEqual(NOTHING)
  })

  it('a refusal rolls the work back, and is the answer to the same call from then on', async () => {
    const command = commandOf()
    const refusing: Work<'TOO_MUCH'> = async (tx) => {
      await count(tx)
      return refused([{ field: ['by'], message: 'too much', code: 'TOO_MUCH' }])
    }
    const first = {
      id: null,
      userErrors: [{ field: ['by'], message: 'too much', code: 'TOO_MUCH' }],
      isOwn: false,
      value: null,
      shown: null,
    }
    const traced = left(async () =>
      expect(await run(command, refusing)).toEqual({ ...first, replayed: false }),
    )
    expect(await traced).toEqual({ ...NOTHING, keys: 1 })
    expect(await left(async () => expect(await run(command)).toEqual({ ...first, replayed: true }))).toEqual(
      NOTHING,
    )
  })

  it('belongs to a mutation and to a tenant', async () => {
    const command = commandOf()
    await run(command)
    expect((await run({ ...command, name: 'counterLower' })).replayed).toBe(false)
    expect((await run(command, count, callerOf(TENANT_B))).replayed).toBe(false)
    expect((await run(command)).replayed).toBe(true)
  })

  it('is free again after its call failed', async () => {
    const command = commandOf()
    await expect(run(command, () => Promise.reject(new Error('a bug')))).rejects.toThrow('a bug')
    expect(await left(() => run(command))).toEqual(ONCE)
  })
})

describe('case 46: a transaction that the database ends is run again', () => {
  it('two that lock each other out both settle, through models and raw statements', async () => {
    const names = ['lock-one', 'lock-two'] as const
    await resetTallies(testDatabase, [TENANT_A.id], names)
    const holding = Promise.withResolvers<void>()
    let holders = 0
    const crossing =
      (first: string, second: string, raw: boolean): Work<'TOO_MUCH'> =>
      async (tx) => {
        const lock = (name: string) => (raw ? raiseRaw(tx, name) : raise(tx, name))
        await lock(first)
        holders += 1
        if (holders === 2) holding.resolve()
        await holding.promise
        await lock(second)
        return done(newId(), [])
      }
    const outcomes = await Promise.all([
      run(commandOf(), crossing(names[0], names[1], true)),
      run(commandOf(), crossing(names[1], names[0], false)),
    ])
    expect(outcomes.map(({ userErrors }) => userErrors)).toEqual([[], []])
    const counters = await database
      .forTenant({ tenantId: TENANT_A.id, writes: EVERYTHING })
      .export.findMany({ where: { requestedBy: { in: [...names] } } })
    expect(counters.map(({ rowCount }) => rowCount)).toEqual([2, 2])
  })

  it('case 44: a connection lost before COMMIT was sent', async () => {
    let attempts = 0
    breakOnce('lost', 'dying')
    const dying: Work<'TOO_MUCH'> = async (tx) => {
      attempts += 1
      const result = await count(tx)
      await tx.$queryRaw`SELECT 1 AS dying`
      return result
    }
    expect(await left(async () => expect((await run(commandOf(), dying)).userErrors).toEqual([]))).toEqual(
      ONCE,
    )
    expect(attempts).toBe(2)
  })
})

describe('a value', () => {
  let attempts = 0
  /** Each attempt has a different value, as a secret is made anew. */
  const telling: Work<'TOO_MUCH', number> = async (tx) => {
    attempts += 1
    const { id, audit, events } = await count(tx)
    return done(String(id), audit, events, attempts)
  }
  const tell = ({ name, input, idempotencyKey }: CallOf, work = telling) =>
    runCommand(callerOf(), { ...counter, name }, { ...input, idempotencyKey }, work)

  it('is answered once, and never to a replay', async () => {
    const command = commandOf()
    expect((await tell(command)).value).toBe(attempts)
    expect(await tell(command)).toMatchObject({ replayed: true, value: null })
  })

  it('is of the attempt that was committed', async () => {
    const before = attempts
    const losing: Work<'TOO_MUCH', number> = async (tx, input) => {
      const result = await telling(tx, input)
      if (attempts === before + 1) throw Object.assign(new Error('40001'), { code: '40001' })
      return result
    }
    expect((await tell(commandOf(), losing)).value).toBe(before + 2)
  })

  it('is none of a refusal', async () => {
    const refusing = async () => refused([{ field: null, message: 'no', code: 'TOO_MUCH' as const }])
    expect(await tell(commandOf(), refusing)).toMatchObject({ id: null, value: null })
  })

  it.each([true, false])('is known after a COMMIT whose answer is lost (key: %s)', async (hasKey) => {
    breakOnce('unanswered')
    const { value, replayed } = await tell(commandOf(hasKey ? {} : { idempotencyKey: null }))
    expect({ value, replayed }).toEqual({ value: attempts, replayed: false })
    expect(isBroken).toBe(true)
  })

  it('is known when the entry was looked up too early, and the key afterwards', async () => {
    breakOnce('unanswered')
    const caller = callerOf()
    let looks = 0
    // The first look-up misses the entry, like that of a transaction still committing.
    const late: typeof database = {
      ...database,
      withTenant: async (scope, work, around, options) => {
        const result = await database.withTenant(scope, work, around, options)
        const isEntry = isBroken && around === undefined && typeof result === 'number'
        looks += isEntry ? 1 : 0
        return isEntry ? (0 as typeof result) : result
      },
    }
    const command = commandOf()
    const { value, replayed } = await runCommand(
      { ...caller, database: late },
      { ...counter, name: command.name },
      { ...command.input, idempotencyKey: command.idempotencyKey },
      telling,
    )
    expect({ value, replayed, looks }).toEqual({ value: attempts, replayed: false, looks: 1 })
  })

  it('of a command without a caller is its answer', async () => {
    const internal = { name: 'counterRaise', permission: 'members:manage' } as const
    expect(
      await runInternalCommand(callerOf(), internal, (tx) => telling(tx, {}) as Promise<Done<number>>),
    ).toBe(attempts)
  })
})

describe('a COMMIT whose answer is lost', () => {
  it.each([true, false])(
    'that happened is found by its entry, and not run again (key: %s)',
    async (hasKey) => {
      const { idempotencyKey, ...keyless } = commandOf()
      breakOnce('unanswered')
      const traced = left(async () => {
        const outcome = await run(hasKey ? { ...keyless, idempotencyKey } : keyless)
        expect(outcome).toMatchObject({ userErrors: [], replayed: false })
      })
      expect(await traced).toEqual({ ...ONCE, keys: hasKey ? 1 : 0 })
      expect(isBroken).toBe(true)
    },
  )

  it('that did not happen is reported as such, and the same call then does it once', async () => {
    const command = commandOf()
    breakOnce('lost')
    const traced = left(async () => {
      await expect(run(command)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
      expect(await run(command)).toMatchObject({ userErrors: [], replayed: false })
    })
    expect(await traced).toEqual(ONCE)
  })
})
