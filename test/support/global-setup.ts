// One PostgreSQL and one companion process (the payment sandbox) for a whole test run. Test files clone their databases from
// the template, and have their own accounts in the sandbox.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { parseConfig } from '../../src/config.ts'
import { createLogger } from '../../src/core/logger.ts'
import { COMPANION } from '../../src/wiring.ts'
import { embeddedCluster, givenCluster, type TestCluster } from './cluster.ts'
import { openRunDirectory } from './run-directory.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    cluster: TestCluster
    /** Null: no module has a companion. */
    companionUrl: string | null
  }
}

/**
 * Starts the embedded server, or uses the one at TEST_DATABASE_ADMIN_URL (a superuser's), to run the tests on another
 * version of PostgreSQL.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const removeDirectory = await openRunDirectory()
  const logger = createLogger('error')
  const givenUrl = process.env.TEST_DATABASE_ADMIN_URL
  const { cluster, stop } = givenUrl ? await givenCluster(givenUrl, logger) : await embeddedCluster(logger)
  project.provide('cluster', cluster)
  const dataDir = await mkdtemp(join(tmpdir(), 'bulkhead-test-companion-'))
  const companion = (await COMPANION?.start(parseConfig({ NODE_ENV: 'test', DATA_DIR: dataDir }))) ?? null
  project.provide('companionUrl', companion?.url ?? null)
  return async () => {
    await companion?.stop()
    await rm(dataDir, { recursive: true, force: true })
    await stop()
    await removeDirectory()
  }
}
