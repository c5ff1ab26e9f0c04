// Owns: one PostgreSQL for a whole test run. Test files clone their databases from its template.
import type { TestProject } from 'vitest/node'
import { createLogger } from '../../src/core/logger.ts'
import { embeddedCluster, givenCluster, type TestCluster } from './cluster.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    cluster: TestCluster
  }
}

/**
 * Starts the embedded server, or uses the one at TEST_DATABASE_ADMIN_URL (a superuser's), which is how the tests
 * run on another version of PostgreSQL.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const logger = createLogger('error')
  const givenUrl = process.env.TEST_DATABASE_ADMIN_URL
  const { cluster, stop } = givenUrl ? await givenCluster(givenUrl, logger) : await embeddedCluster(logger)
  project.provide('cluster', cluster)
  return stop
}
