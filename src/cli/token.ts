// `bulkhead token`: prints a development token of a member of the tenant, or of an invited person.
import { Command } from 'commander'
import { parseDuration, signDevelopmentToken } from '../auth/development-token.ts'
import type { Config } from '../config.ts'
import { systemClock } from '../core/clock.ts'
import { AppError } from '../core/errors.ts'
import { createLogger } from '../core/logger.ts'
import { loadDevelopmentTools } from '../development-tools.ts'
import { parseEmail, parseSlug } from './arguments.ts'
import { withDatabase } from './command-database.ts'
import { action, commandLogLevel } from './run.ts'

interface TokenOptions {
  tenant: string
  email: string
  expires: string
  support: boolean
  force: boolean
}

export function tokenCommand(): Command {
  return new Command('token')
    .description('print a development token (never in production)')
    .requiredOption('--tenant <slug>', 'the tenant it is for', parseSlug)
    .requiredOption('--email <address>', 'the person to sign in as', parseEmail)
    .option('--expires <duration>', 'how long it is valid: 15s, 30m, 1h, 7d', '1h')
    .option('--support', 'for platform staff, who may enter while the tenant grants it', false)
    .option('--force', 'without looking whether the tenant and the person are known', false)
    .action(
      action(async (config, { tenant, email, expires, support, force }: TokenOptions) => {
        const development = await loadDevelopmentTools(config)
        if (development === null) {
          throw new AppError('FORBIDDEN', 'there are no development tokens in production')
        }
        const expiresInSeconds = parseDuration(expires)
        if (!force) await requirePerson(config, { tenant, email: support ? null : email })
        const secret = await development.tokenSecret()
        const expiresAt = new Date(systemClock().getTime() + expiresInSeconds * 1_000)
        const token = signDevelopmentToken({
          secret,
          tenant,
          email,
          expiresInSeconds,
          isSupport: support,
          clock: systemClock,
        })
        process.stdout.write(`${token}\n`)
        // Standard output has the token alone, for $(…).
        process.stderr.write(`This token expires at ${expiresAt.toISOString()} (${expires}).\n`)
      }),
    )
}

/**
 * Throws NOT_FOUND for an unknown tenant, and for a person who is neither a member nor invited there. `email` null: only
 * the tenant is looked up.
 */
async function requirePerson(
  config: Config,
  { tenant, email }: { readonly tenant: string; readonly email: string | null },
): Promise<void> {
  const { openDatabase } = await import('../db/database.ts')
  const logger = createLogger(commandLogLevel(config))
  const missing = await withDatabase(config, logger, async ({ runtimeUrl }) => {
    const database = openDatabase({ ...config.database, url: runtimeUrl, logger })
    try {
      if ((await database.resolveTenant({ slug: tenant })) === null)
        return `There is no tenant "${tenant}": see bulkhead tenant list.`
      if (email === null || (await database.resolveMember(tenant, email)) !== null) return null
      return `${email} is neither a member of ${tenant} nor invited there: see bulkhead tenant members ${tenant}.`
    } finally {
      await database.close()
    }
  })
  if (missing !== null)
    throw new AppError('NOT_FOUND', `${missing} With --force the token is made all the same.`)
}
