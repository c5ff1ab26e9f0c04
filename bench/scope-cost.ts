// Measures the cost of the scope: one indexed read at the level of the database client, without HTTP or GraphQL. A
// separate process: prints one JSON line.
import { PrismaPg } from '@prisma/adapter-pg'
import { pino } from 'pino'
import { type Database, openDatabase } from '../src/db/database.ts'
import { readerOf } from '../src/db/reader/any-model.ts'
import type { AnyQuery } from '../src/db/reader/any-query.ts'
import { statementName } from '../src/db/statement-name.ts'
import { PrismaClient } from '../src/generated/prisma/client.ts'
import { median } from './median.ts'
import { rowId, type Shape } from './rows.ts'

const CONNECTIONS = 16
const TAKE = 20

export type ScopeCost = Record<
  Variant,
  {
    readonly perSecond: number
    readonly cpuMicros: number
    readonly ratio: number
    readonly cpuRatio: number
  }
>
export type Variant = 'without' | 'scoped' | 'documented' | 'readerWithout' | 'reader'

type Settings = {
  readonly adminUrl: string
  readonly runtimeUrl: string
  readonly shape: Shape
  readonly rounds: number
  readonly windowMs: number
  readonly variants?: readonly Variant[]
}

/** What each is compared with: the same read without a scope. */
const BASES: Record<Variant, Variant> = {
  without: 'without',
  scoped: 'without',
  documented: 'without',
  readerWithout: 'readerWithout',
  reader: 'readerWithout',
}

const ordered = { orderBy: [{ placedAt: 'desc' }, { id: 'desc' }] as const, take: TAKE }

/** The columns of an order, as the API's projection selects them. */
const SELECT = {
  id: true,
  number: true,
  customerId: true,
  status: true,
  paymentStatus: true,
  currency: true,
  totalMinor: true,
  refundedMinor: true,
  version: true,
  placedAt: true,
} as const
const READ: AnyQuery = { ...ordered, select: SELECT }

/** The same read by Prisma in three ways, and by the API's reader in two, each with its own pool. */
function variantsOf({ adminUrl, runtimeUrl }: Settings) {
  const options = { statementNameGenerator: statementName }
  const unscoped = new PrismaClient({
    adapter: new PrismaPg({ connectionString: adminUrl, max: CONNECTIONS }, options),
  })
  const database = openDatabase({
    url: runtimeUrl,
    poolMax: CONNECTIONS,
    namedStatements: true,
    logger: pino({ level: 'warn' }),
  })
  const plain = new PrismaClient({
    adapter: new PrismaPg({ connectionString: runtimeUrl, max: CONNECTIONS }, options),
  })
  const extended = new Map<number, ReturnType<typeof documentedExtension>>()
  const documented = (tenant: number) => {
    const known = extended.get(tenant) ?? documentedExtension(plain, rowId('tenant', tenant, 0))
    extended.set(tenant, known)
    return known
  }
  // The same client, as a superuser: the scope travels with each statement, but no policy applies.
  const unwalled = openDatabase({
    url: adminUrl,
    poolMax: CONNECTIONS,
    namedStatements: true,
    logger: pino({ level: 'warn' }),
  })
  const readBy = (walls: Database) => (tenant: number) =>
    readerOf(walls.forTenant({ tenantId: rowId('tenant', tenant, 0) }), 'Order').readMany<unknown>(READ)
  const reads: Record<Variant, (tenant: number) => Promise<unknown[]>> = {
    without: (tenant) =>
      unscoped.order.findMany({
        ...ordered,
        orderBy: [...ordered.orderBy],
        where: { tenantId: rowId('tenant', tenant, 0) },
      }),
    scoped: (tenant) =>
      database
        .forTenant({ tenantId: rowId('tenant', tenant, 0) })
        .order.findMany({ ...ordered, orderBy: [...ordered.orderBy] }),
    documented: (tenant) => documented(tenant).order.findMany({ ...ordered, orderBy: [...ordered.orderBy] }),
    readerWithout: readBy(unwalled),
    reader: readBy(database),
  }
  const close = () =>
    Promise.all([unscoped.$disconnect(), plain.$disconnect(), database.close(), unwalled.close()])
  return { reads, close }
}

/** As in https://github.com/prisma/prisma-client-extensions/tree/main/row-level-security */
function documentedExtension(client: PrismaClient, tenantId: string) {
  return client.$extends({
    query: {
      $allModels: {
        async $allOperations({ args, query }) {
          const [, result] = await client.$transaction([
            client.$executeRaw`SELECT set_config('app.tenant_id', ${tenantId}, TRUE), set_config('app.permissions', '*', TRUE)`,
            query(args) as never,
          ])
          return result
        },
      },
    },
  })
}

async function measure(
  read: (tenant: number) => Promise<unknown[]>,
  { shape, windowMs }: Pick<Settings, 'shape' | 'windowMs'>,
) {
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  let done = 0
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, worker) => {
      for (let turn = worker; performance.now() - startedAt < windowMs; turn += CONNECTIONS) {
        const rows = await read((turn % shape.tenants) + 1)
        if (rows.length !== TAKE) throw new Error(`${rows.length} rows instead of ${TAKE}`)
        done += 1
      }
    }),
  )
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: done / ((performance.now() - startedAt) / 1_000), cpuMicros: (user + system) / done }
}

async function run(settings: Settings): Promise<ScopeCost> {
  const { reads, close } = variantsOf(settings)
  const names = settings.variants ?? (Object.keys(reads) as Variant[])
  for (const name of names) await measure(reads[name], settings)
  const rounds: Record<string, { perSecond: number; cpuMicros: number }>[] = []
  for (let round = 0; round < settings.rounds; round += 1) {
    const measured: Record<string, { perSecond: number; cpuMicros: number }> = {}
    for (const index of names.keys()) {
      const name = names[(index + round) % names.length] as Variant
      measured[name] = await measure(reads[name], settings)
    }
    rounds.push(measured)
  }
  await close()
  return Object.fromEntries(
    names.map((name) => [
      name,
      {
        perSecond: median(rounds.map((round) => round[name]?.perSecond ?? 0)),
        cpuMicros: median(rounds.map((round) => round[name]?.cpuMicros ?? 0)),
        ratio: median(
          rounds.map(
            (round) => (round[name]?.perSecond ?? 0) / (round[BASES[name]]?.perSecond ?? Number.NaN),
          ),
        ),
        cpuRatio: median(
          rounds.map(
            (round) => (round[name]?.cpuMicros ?? 0) / (round[BASES[name]]?.cpuMicros ?? Number.NaN),
          ),
        ),
      },
    ]),
  ) as ScopeCost
}

const result = await run(JSON.parse(process.argv[2] ?? '') as Settings)
process.stdout.write(`${JSON.stringify(result)}\n`)
