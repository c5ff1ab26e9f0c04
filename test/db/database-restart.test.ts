import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { type EmbeddedServer, startEmbeddedServer } from '../../src/db/embedded/embedded-server.ts'
import { CommitUnknown, faultOf, toAppError } from '../../src/db/faults.ts'
import { migrate } from '../../src/db/migrations/migrate.ts'
import { EVERYTHING } from '../../src/db/scope.ts'
import { asAdmin } from '../support/cluster.ts'
import { TENANT_A } from '../support/two-tenants.ts'

const A = { tenantId: TENANT_A.id, writes: EVERYTHING }
const ACQUIRE_TIMEOUT_MS = 1_000
const READERS = 8
const logger = createLogger('silent')

let dataDir: string
let server: EmbeddedServer
let database: Database
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'bulkhead-restart-'))
  server = await startEmbeddedServer({ dataDir, logger, durable: false })
  const { ownerUrl, runtimeUrl } = server
  await migrate({ ownerUrl, runtimeUrl, logger })
  await asAdmin(ownerUrl, (owner) =>
    owner.query(`SELECT app.create_tenant($1, 'tenant-a', 'Tenant', 'USD')`, [A.tenantId]),
  )
  database = openDatabase({
    url: runtimeUrl,
    poolMax: 4,
    namedStatements: true,
    acquireTimeoutMs: ACQUIRE_TIMEOUT_MS,
    logger,
  })
})
afterAll(async () => {
  await database?.close()
  await server?.stop()
  if (dataDir !== undefined) await rm(dataDir, { recursive: true, force: true })
})

it('case 48: a database that stops under load is reported as unavailable, and is used again when it is back, unaided', async () => {
  let isOver = false
  const seen: { error: unknown; ms: number }[] = []
  let written = 0
  let unknown = 0
  const settled = async (work: () => Promise<unknown>) => {
    const start = performance.now()
    const error = await work().then(
      () => null,
      (reason: unknown) => reason,
    )
    seen.push({ error, ms: performance.now() - start })
    return error
  }
  const readers = Array.from({ length: READERS }, async (_, n) => {
    while (!isOver) {
      await settled(() => database.forTenant(A).tenant.findFirstOrThrow())
      if (n % 2 === 0) await settled(() => database.forTenant(A).tenant.readMany({ select: { name: true } }))
      const error = await settled(() =>
        database.withTenant(A, (tx) => tx.tenant.updateMany({ data: { version: { increment: 1 } } })),
      )
      if (error === null) written += 1
      if (error instanceof CommitUnknown) unknown += 1
      await sleep(5)
    }
  })
  await sleep(200)
  await server.stop()
  await expect(database.ping()).rejects.toThrow()
  expect(toAppError(await settled(() => database.ping()))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  await sleep(300)
  const { port } = server
  server = await startEmbeddedServer({ dataDir, logger, durable: false, port })
  expect(server.port).toBe(port)
  await expect
    .poll(
      () =>
        database.ping().then(
          () => 'up',
          () => 'down',
        ),
      { timeout: 5_000 },
    )
    .toBe('up')
  await sleep(200)
  isOver = true
  await Promise.all(readers)

  const kinds = new Set(
    seen.map(({ error }) => (error instanceof CommitUnknown ? 'UNKNOWN' : faultOf(error))),
  )
  expect(kinds.has('UNAVAILABLE')).toBe(true)
  expect(kinds.difference(new Set([null, 'UNKNOWN', 'UNAVAILABLE', 'CONNECTION_LOST', 'BUSY']))).toEqual(
    new Set(),
  )
  for (const { error, ms } of seen) {
    if (error !== null)
      expect(toAppError(error), String(error)).toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    expect(ms).toBeLessThan(ACQUIRE_TIMEOUT_MS * 4)
  }
  const { version } = await database.forTenant(A).tenant.findFirstOrThrow()
  expect(version - 1).toBeGreaterThanOrEqual(written)
  expect(version - 1).toBeLessThanOrEqual(written + unknown)
  expect(database.poolState().waiting).toBe(0)
})

it('case 48: a database that takes no more connections is reported as unavailable, and used when it does', async () => {
  const crowded = openDatabase({ url: server.runtimeUrl, poolMax: 2, namedStatements: true, logger })
  try {
    await asAdmin(server.adminUrl, (admin) => admin.query('ALTER ROLE bulkhead_runtime CONNECTION LIMIT 0'))
    for (const work of [
      () => crowded.forTenant(A).tenant.count(),
      () => crowded.withTenant(A, (tx) => tx.tenant.count()),
      () => crowded.forTenant(A).tenant.readMany({ select: { name: true } }),
      () => crowded.resolveMember('tenant-a', 'nobody@a.example'),
      () => crowded.runAtOnce(A, [{ text: 'SELECT 1', values: [] }]),
    ]) {
      const error = await work().catch((reason: unknown) => reason)
      expect(faultOf(error), String(error)).toBe('UNAVAILABLE')
      expect(error).not.toBeInstanceOf(CommitUnknown)
    }
    await asAdmin(server.adminUrl, (admin) => admin.query('ALTER ROLE bulkhead_runtime CONNECTION LIMIT -1'))
    expect(await crowded.forTenant(A).tenant.count()).toBe(1)
  } finally {
    await crowded.close()
  }
})

it('case 48: a database that takes the connection and says nothing is reported as unavailable in bounded time', async () => {
  const mute = createServer(() => {})
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
  const url = new URL(server.runtimeUrl)
  url.port = String((mute.address() as AddressInfo).port)
  const unanswered = openDatabase({
    url: url.href,
    poolMax: 2,
    namedStatements: true,
    acquireTimeoutMs: ACQUIRE_TIMEOUT_MS,
    logger,
  })
  const start = performance.now()
  const errors = await Promise.all(
    [
      unanswered.ping(),
      unanswered.forTenant(A).tenant.count(),
      unanswered.withTenant(A, (tx) => tx.tenant.count()),
      unanswered.forTenant(A).tenant.readMany({ select: { name: true } }),
    ].map((work) => work.catch((reason: unknown) => reason)),
  )
  expect(performance.now() - start).toBeLessThan(ACQUIRE_TIMEOUT_MS * 3)
  for (const error of errors) {
    expect(['UNAVAILABLE', 'BUSY'], String(error)).toContain(faultOf(error))
    expect(toAppError(error)).toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  }
  await unanswered.close()
  mute.close()
})
