// Brings a tenant's file of an earlier schema up to date: loads it into an empty database of that schema, migrates that, and
// exports the tenant again. The database is an embedded one beside the data, for the duration of the work: it takes no right
// on the installation's own server, and its migrations run on this tenant's rows alone.
import { existsSync } from 'node:fs'
import { cp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { Sealer } from '../../core/seal.ts'
import { type EmbeddedServer, openDataDir, startEmbeddedServer } from '../../db/embedded/embedded-server.ts'
import { presentName } from '../../db/migrations/former-series.ts'
import { MIGRATIONS_DIR, migrate } from '../../db/migrations/migrate.ts'
import { connectOwner } from '../../db/owner.ts'
import { exportTenantFile } from './export-tenant-file.ts'
import { openTenantFile } from './read-tenant-file.ts'
import { loadTenant, type OpenFile, type Upgrade } from './restore-tenant.ts'

/** In the data directory: one upgrade at a time, and the next one removes what a killed one left. */
const FOLDER = 'upgrading'
const SLUG = 'upgraded'

/** `migrationsDir`: of which the last is the present schema. */
export function fileUpgrade({
  dataDir,
  sealer,
  clock,
  logger,
  migrationsDir = MIGRATIONS_DIR,
}: {
  readonly dataDir: string
  readonly sealer: Sealer
  readonly clock: Clock
  readonly logger: Logger
  readonly migrationsDir?: string
}): Upgrade {
  const directory = join(dataDir, FOLDER)
  return {
    knows: async (schema) => (await migrationsIn(migrationsDir)).includes(schema),

    async run(open, { header, sha256 }, use) {
      // Outside of the `finally`, since the folder is another upgrade's where its lock is held.
      const server = await startEmpty(await openDataDir(dataDir), logger)
      try {
        const path = join(directory, 'tenant.jsonl.gz')
        const earlier = join(directory, 'migrations')
        await copyUpTo(presentName(header.schema), migrationsDir, earlier)
        const { ownerUrl, runtimeUrl, workerUrl } = server
        await migrate({ ownerUrl, runtimeUrl, workerUrl, logger, migrationsDir: earlier })
        await withOwner(server, (owner) =>
          loadTenant(owner, open, { slug: SLUG, name: null, reuseSlug: false, sha256, source: null }),
        )
        await migrate({ ownerUrl, runtimeUrl, workerUrl, logger, migrationsDir })
        const upgraded = await withOwner(server, (owner) =>
          exportTenantFile(owner, SLUG, path, { now: clock(), sealer }),
        )
        const openUpgraded: OpenFile = () => openTenantFile(path)
        return await use(openUpgraded, upgraded)
      } finally {
        await server.stop()
        await rm(directory, { recursive: true, force: true })
      }
    },
  }
}

/**
 * A server with an empty database. What a killed process left in the directory is removed, its PostgreSQL first: starting
 * there ends it. Not durable, since an interrupted upgrade starts from the beginning.
 */
async function startEmpty(dataDir: string, logger: Logger): Promise<EmbeddedServer> {
  const directory = join(dataDir, FOLDER)
  if (existsSync(join(directory, 'postgres'))) {
    await (await startEmbeddedServer({ dataDir: directory, logger, durable: false })).stop()
    await rm(directory, { recursive: true, force: true })
  }
  return await startEmbeddedServer({ dataDir: directory, logger, durable: false })
}

async function withOwner<T>(
  { ownerUrl }: EmbeddedServer,
  work: (owner: Awaited<ReturnType<typeof connectOwner>>) => Promise<T>,
): Promise<T> {
  const owner = await connectOwner(ownerUrl)
  try {
    return await work(owner)
  } finally {
    await owner.end()
  }
}

async function migrationsIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true })
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
}

/** The migrations up to `last`, with what the engine reads beside them. */
async function copyUpTo(last: string, from: string, to: string): Promise<void> {
  const later = new Set((await migrationsIn(from)).filter((name) => name > last))
  await cp(from, to, { recursive: true, filter: (path) => !later.has(path.slice(from.length + 1)) })
}
