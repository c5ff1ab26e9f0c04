// Runs commands that work within tenants: opens the runtime and makes the system's context.
import type { CommandContext } from '../auth/command-context.ts'
import { systemContext } from '../auth/system-context.ts'
import type { Config } from '../config.ts'
import { AppError } from '../core/errors.ts'
import { createLogger } from '../core/logger.ts'
import type { Runtime } from '../runtime.ts'
import { type DatabaseUrls, withDatabase } from './command-database.ts'
import { commandLogLevel } from './run.ts'

/** Runs `work` with a runtime, whether the server runs or not; its companion is the running server's, if any. */
export async function withRuntime<T>(
  config: Config,
  work: (runtime: Runtime, urls: DatabaseUrls) => Promise<T>,
): Promise<T> {
  const logger = createLogger(commandLogLevel(config))
  const { findCompanion, openRuntime } = await import('../runtime.ts')
  return await withDatabase(config, logger, async (urls) => {
    const companionUrl = await findCompanion(config)
    const runtime = await openRuntime(config, { runtimeUrl: urls.runtimeUrl, companionUrl }, logger)
    try {
      return await work(runtime, urls)
    } finally {
      await runtime.close()
    }
  })
}

/** Throws NOT_FOUND for an unknown slug. */
export async function contextOf({ database, clock, logger }: Runtime, slug: string): Promise<CommandContext> {
  const tenant = await database.resolveTenant({ slug })
  if (tenant === null) throw new AppError('NOT_FOUND', `there is no tenant "${slug}"`, { slug })
  return systemContext({ tenant, database, clock, logger, requestId: 'command-line' })
}
