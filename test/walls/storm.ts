// Interleaved units of work of many tenants on a few connections that keep breaking, with the invariants of every
// answer and of the end state. The test chooses the server.

import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { z } from 'zod'
import type { CommandContext } from '../../src/auth/command-context.ts'
import { permissionsOf } from '../../src/auth/permissions.ts'
import { defineCommand } from '../../src/commands/command.ts'
import { done } from '../../src/commands/outcome.ts'
import { type OneStatement, runCommand, type Work } from '../../src/commands/run-command.ts'
import { createLogger } from '../../src/core/logger.ts'
import type { Database, TenantClient, Transaction } from '../../src/db/database.ts'
import { CommitUnknown, faultOf, sqlstateOf, toAppError } from '../../src/db/faults.ts'
import { EVERYTHING } from '../../src/db/scope.ts'
import { asAdmin } from '../support/cluster.ts'
import { asSuperuser, type TestDatabase } from '../support/database.ts'
import { mulberry32 } from '../support/random.ts'
import { RAISE_IN_ONE_STATEMENT, raiseRaw, tallyOf } from '../support/tally.ts'
import { fixtureId, TENANT_A } from '../support/two-tenants.ts'

export interface Storm {
  test: TestDatabase
  database: Database
  tenantIds: readonly string[]
  units: number
  /** How many units run at once. */
  concurrency: number
  /** The same seed draws the same units and times; what breaks meanwhile depends on the machine. */
  seed: number
}

export interface StormReport {
  /** Answers with wrong content, and errors that are not faults. Must be empty. */
  wrong: string[]
  answered: number
  /** Errors that a client may get in a storm, by kind. */
  faults: Record<string, number>
  kills: number
}

/** The expected end state of a tenant's counters. */
interface Books {
  transactions: number
  /** Transactions whose COMMIT got no answer. */
  unknown: number
  commands: number
}

interface World extends Storm {
  random: () => number
  books: Map<string, Books>
  report: StormReport
}

type Unit = (world: World, tenantId: string, n: number) => Promise<unknown>

const KILL_EVERY_MS = 60
/** Of slow statements; each holds a connection until it is cancelled. */
const SLOW_SHARE = 0.2
const COMMAND_ATTEMPTS_MAX = 40
const IN_A_STORM: ReadonlySet<string> = new Set([
  'CONNECTION_LOST',
  'COMMIT_UNKNOWN',
  'TIMEOUT',
  'BUSY',
  'UNAVAILABLE',
  'SERIALIZATION',
])
const ON_PURPOSE = new Error('on purpose')
const exported = fixtureId(TENANT_A, 'exports', 1)
const chunk = fixtureId(TENANT_A, 'export_chunks', 1)
export const TALLIES = ['transactions', 'commands']

/** Runs all units; resolves when the last has settled. */
export async function runStorm(storm: Storm): Promise<StormReport> {
  const world: World = {
    ...storm,
    random: mulberry32(storm.seed),
    books: new Map(storm.tenantIds.map((id) => [id, { transactions: 0, unknown: 0, commands: 0 }])),
    report: { wrong: [], answered: 0, faults: {}, kills: 0 },
  }
  const planned = Array.from({ length: storm.units }, (_, n) => ({
    n,
    tenantId: draw(world, storm.tenantIds),
    unit: draw(world, UNITS),
  }))
  let isOver = false
  const killing = asAdmin(storm.test.adminUrl, async (admin) => {
    while (!isOver) {
      await killOne(admin, world)
      await sleep(KILL_EVERY_MS)
    }
  })
  const workers = Array.from({ length: storm.concurrency }, async () => {
    for (let next = planned.shift(); next !== undefined; next = planned.shift()) await runUnit(world, next)
  })
  await Promise.all(workers)
  isOver = true
  await killing
  await closeBooks(world)
  return world.report
}

async function runUnit(
  world: World,
  { unit, tenantId, n }: { unit: [string, Unit]; tenantId: string; n: number },
): Promise<void> {
  const [name, work] = unit
  try {
    checkAnswer(world, name, tenantId, await work(world, tenantId, n))
    world.report.answered += 1
  } catch (error) {
    const fault = error instanceof CommitUnknown ? 'COMMIT_UNKNOWN' : faultOf(error)
    if (fault === null || !IN_A_STORM.has(fault)) world.report.wrong.push(`${name}: ${String(error)}`)
    else world.report.faults[fault] = (world.report.faults[fault] ?? 0) + 1
  }
}

/** All tenant data in an answer must be the tenant's own. */
function checkAnswer(world: World, name: string, tenantId: string, answer: unknown): void {
  if (typeof answer !== 'object' || answer === null) return
  for (const [key, value] of Object.entries(answer)) {
    const isTenant = key === 'tenantId' || key === 'tenant_id'
    if (isTenant && value !== tenantId) world.report.wrong.push(`${name}: ${tenantId} was shown ${value}`)
    checkAnswer(world, name, tenantId, value)
  }
}

const handleOf = ({ database }: World, tenantId: string): TenantClient =>
  database.forTenant({ tenantId, writes: EVERYTHING })
const within = ({ database }: World, tenantId: string, work: (tx: Transaction) => Promise<unknown>) =>
  database.withTenant({ tenantId, writes: EVERYTHING }, work)
const where = (tenantId: string, id: string) => ({ tenantId_id: { tenantId, id } })

const UNITS: [string, Unit][] = [
  ['findMany', (world, id) => handleOf(world, id).export.findMany()],
  [
    'findMany with relations',
    (world, id) =>
      handleOf(world, id).exportChunk.findMany({ include: { export: { include: { chunks: true } } } }),
  ],
  [
    'findMany by several queries',
    (world, id) =>
      handleOf(world, id).export.findMany({
        relationLoadStrategy: 'query',
        include: { chunks: { include: { export: true } } },
      }),
  ],
  [
    'findUnique',
    async (world, id) =>
      mustBe(await handleOf(world, id).exportChunk.findUnique({ where: where(id, chunk) })),
  ],
  [
    'findUnique of another',
    async (world, id) => {
      const other = draw(
        world,
        world.tenantIds.filter((tenantId) => tenantId !== id),
      )
      const found = await handleOf(world, id).export.findUnique({ where: where(other, exported) })
      if (found !== null) throw new Error(`${id} found an export of ${other}`)
    },
  ],
  [
    'update of another',
    async (world, id) => {
      const other = draw(
        world,
        world.tenantIds.filter((tenantId) => tenantId !== id),
      )
      const { count } = await handleOf(world, id).export.updateMany({
        where: { tenantId: other },
        data: { requestedBy: 'stolen' },
      })
      if (count !== 0) throw new Error(`${id} changed ${count} exports of ${other}`)
    },
  ],
  [
    'groupBy',
    (world, id) => handleOf(world, id).exportChunk.groupBy({ by: ['tenantId', 'exportId'], _count: true }),
  ],
  ['count', async (world, id) => mustBe(await handleOf(world, id).export.count())],
  [
    'the reader',
    (world, id) =>
      handleOf(world, id).export.readMany({
        select: { tenantId: true, chunks: { select: { tenantId: true } } },
      }),
  ],
  ['the reader’s count', async (world, id) => mustBe(await handleOf(world, id).export.readCount())],
  [
    'hand-written SQL',
    (world, id) =>
      handleOf(world, id)
        .$queryRaw`SELECT e.tenant_id, c.tenant_id AS "tenantId" FROM exports e JOIN export_chunks c ON c.export_id = e.id`,
  ],
  [
    'an SQL error',
    async (world, id) =>
      await refused(handleOf(world, id).$queryRaw`SELECT 1 / count(*) FILTER (WHERE false) FROM exports`),
  ],
  [
    'a slow statement',
    async (world, id) => {
      const rows = world.random() < SLOW_SHARE ? 300_000_000 : 1
      return await handleOf(world, id).$queryRaw`SELECT count(*) FROM generate_series(1, ${rows})`
    },
  ],
  [
    'a look-up before a tenant',
    async (world, id) => {
      const slug = `tenant-${world.tenantIds.indexOf(id)}`
      return await world.database.resolveMember(slug, 'member1@a.example')
    },
  ],
  [
    'a transaction',
    async (world, id) => {
      const books = world.books.get(id) as Books
      try {
        const seen = await within(world, id, async (tx) => [
          await tx.export.findMany({ include: { chunks: true } }),
          await raiseRaw(tx, 'transactions'),
          await Promise.all([tx.tenant.findMany(), tx.member.findMany(), tx.exportChunk.findMany()]),
        ])
        books.transactions += 1
        return seen
      } catch (error) {
        if (error instanceof CommitUnknown) books.unknown += 1
        throw error
      }
    },
  ],
  [
    'a transaction that rolls back',
    async (world, id) => {
      const work = within(world, id, async (tx) => {
        await raiseRaw(tx, 'transactions')
        throw ON_PURPOSE
      })
      await work.catch((error: unknown) => {
        if (error !== ON_PURPOSE) throw error
      })
    },
  ],
  [
    'a transaction with an error inside',
    (world, id) =>
      refused(
        within(world, id, async (tx) => {
          await raiseRaw(tx, 'transactions')
          await tx.$queryRaw`SELECT 1 / 0`
        }),
      ),
  ],
  [
    'a transaction that forgets to wait',
    async (world, id) => {
      const left: Promise<unknown>[] = []
      const forget = (statement: Promise<unknown>) => left.push(statement.catch(() => null))
      const work = within(world, id, async (tx) => {
        forget(tx.export.findMany())
        await tx.export.count()
        forget(tx.member.findMany())
        throw ON_PURPOSE
      })
      await work.catch((error: unknown) => {
        if (error !== ON_PURPOSE) throw error
      })
      return await Promise.all(left)
    },
  ],
  ['a command', (world, id, n) => commandUntilDone(world, id, n, raiseInTransaction)],
  [
    'a command in one statement',
    (world, id, n) => commandUntilDone(world, id, n, { decide: raiseAtOnce, whyRefused: raiseInTransaction }),
  ],
]

const stormRaise = defineCommand({
  name: 'stormRaise',
  permission: 'members:manage',
  errors: [],
  schema: z.object({ n: z.number() }),
})

const SUBJECT = { type: 'Storm', id: '00000000-0000-7000-8000-000000000001' }
const DONE = done(SUBJECT.id, [{ subject: SUBJECT, before: null, after: {} }])

const raiseAtOnce = () => ({
  sql: RAISE_IN_ONE_STATEMENT,
  values: ['commands'],
  done: DONE,
})

const raiseInTransaction: Work<never> = async (tx) => {
  await raiseRaw(tx, 'commands')
  return DONE
}

/** Like a client: the same call with the same key until it is answered. */
async function commandUntilDone(
  world: World,
  tenantId: string,
  n: number,
  work: Work<never> | OneStatement<never, null, unknown>,
): Promise<void> {
  const input = { n, idempotencyKey: `unit-${n}` }
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { userErrors } = await runCommand(callerOf(world, tenantId), stormRaise, input, work)
      if (userErrors.length === 0) break
      if (userErrors[0]?.code !== 'IDEMPOTENCY_KEY_IN_USE') throw new Error(JSON.stringify(userErrors))
    } catch (error) {
      if (toAppError(error)?.code !== 'SERVICE_UNAVAILABLE') throw error
    }
    if (attempt === COMMAND_ATTEMPTS_MAX) throw new Error(`a command was not done in ${attempt} attempts`)
    await sleep(20 * world.random())
  }
  const books = world.books.get(tenantId) as Books
  books.commands += 1
}

function callerOf({ database }: World, tenantId: string): CommandContext {
  return {
    scope: { tenantId, writes: EVERYTHING },
    tenantSlug: 'storm',
    actor: { kind: 'MEMBER', id: fixtureId(TENANT_A, 'members', 1), role: 'ADMIN', email: 'storm@a.example' },
    permissions: permissionsOf('ADMIN'),
    requestId: 'storm',
    database,
    clock: () => new Date(),
    logger: createLogger('silent'),
  }
}

/** An empty result is wrong, since the rows exist. */
function mustBe<T>(answer: T): T {
  if (answer === null || answer === 0) throw new Error('a tenant’s own rows were not found')
  return answer
}

async function refused(work: Promise<unknown>): Promise<void> {
  const error = await work.then(
    () => new Error('a division by zero was answered'),
    (reason: unknown) => reason,
  )
  if (sqlstateOf(error) !== '22012') throw error
}

async function killOne(admin: pg.Client, { test, random, report }: World): Promise<void> {
  const { rows } = await admin.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE usename = 'bulkhead_runtime' AND datname = $1 AND state <> 'idle' ORDER BY pid`,
    [test.name],
  )
  const pid = rows[Math.floor(random() * rows.length)]?.pid
  if (pid === undefined) return
  await admin.query('SELECT pg_terminate_backend($1)', [pid])
  report.kills += 1
}

/** Counts as a superuser that each tenant has exactly its units' effects, and that nothing else changed. */
async function closeBooks({ test, books, report, tenantIds }: World): Promise<void> {
  await asSuperuser(test, async (client) => {
    const { rows } = await client.query(
      `SELECT t.tenant_id AS id,
         ${tallyOf('t.tenant_id', 'transactions')} AS transactions, ${tallyOf('t.tenant_id', 'commands')} AS commands,
         (SELECT count(*)::int FROM audit_entries a WHERE a.tenant_id = t.tenant_id AND action = 'stormRaise') AS audit,
         (SELECT count(*)::int FROM idempotency_keys k WHERE k.tenant_id = t.tenant_id AND operation = 'stormRaise') AS keys,
         (SELECT count(*)::int FROM exports e WHERE e.tenant_id = t.tenant_id AND requested_by <> 'stolen') AS exports
       FROM tenants t WHERE t.tenant_id = ANY ($1)`,
      [tenantIds],
    )
    const all = new Set(rows.map(({ exports }) => exports))
    if (rows.length !== tenantIds.length || all.size !== 1)
      report.wrong.push('rows of the fixture were changed')
    for (const { id, transactions, commands, audit, keys } of rows) {
      const own = books.get(id) as Books
      const found = JSON.stringify({ transactions, commands, audit, keys })
      const isRight =
        transactions >= own.transactions &&
        transactions <= own.transactions + own.unknown &&
        [commands, audit, keys].every((count) => count === own.commands)
      if (!isRight) report.wrong.push(`${id} has ${found}, and its books say ${JSON.stringify(own)}`)
    }
  })
}

function draw<T>(world: World, from: readonly T[]): T {
  return from[Math.floor(world.random() * from.length)] as T
}
