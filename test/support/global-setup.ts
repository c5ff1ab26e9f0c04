// One PostgreSQL and one payment sandbox for a whole test run. Test files clone their databases from the template, and
// have their own accounts in the sandbox.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { createLogger } from '../../src/core/logger.ts'
import { startSandbox } from '../../src/shop/sandbox/start-sandbox.ts'
import { embeddedCluster, givenCluster, type TestCluster } from './cluster.ts'
import { openRunDirectory } from './run-directory.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    cluster: TestCluster
    sandboxUrl: string
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
  const sandboxDir = await mkdtemp(join(tmpdir(), 'bulkhead-test-sandbox-'))
  const sandbox = await startSandbox({ dataDir: sandboxDir, port: 0 })
  project.provide('sandboxUrl', sandbox.url)
  return async () => {
    await sandbox.stop()
    await rm(sandboxDir, { recursive: true, force: true })
    await stop()
    await removeDirectory()
  }
}
