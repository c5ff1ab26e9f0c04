// `bulkhead token`: prints a development token. Reads no database: the server decides whether its bearer is a member.
import { Command } from 'commander'
import { parseDuration, signDevelopmentToken } from '../auth/development-token.ts'
import { systemClock } from '../core/clock.ts'
import { AppError } from '../core/errors.ts'
import { loadDevelopmentTools } from '../development-tools.ts'
import { parseEmail, parseSlug } from './arguments.ts'
import { action } from './run.ts'

interface TokenOptions {
  tenant: string
  email: string
  expires: string
  support: boolean
}

export function tokenCommand(): Command {
  return new Command('token')
    .description('print a development token (never in production)')
    .requiredOption('--tenant <slug>', 'the tenant it is for', parseSlug)
    .requiredOption('--email <address>', 'the person to sign in as', parseEmail)
    .option('--expires <duration>', 'how long it lives: 15s, 30m, 1h, 7d', '1h')
    .option('--support', 'for platform staff, who may enter while the tenant grants it', false)
    .action(
      action(async (config, { tenant, email, expires, support }: TokenOptions) => {
        const development = await loadDevelopmentTools(config)
        if (development === null) {
          throw new AppError('FORBIDDEN', 'there are no development tokens in production')
        }
        const expiresInSeconds = parseDuration(expires)
        const secret = await development.tokenSecret()
        const token = signDevelopmentToken({
          secret,
          tenant,
          email,
          expiresInSeconds,
          isSupport: support,
          clock: systemClock,
        })
        process.stdout.write(`${token}\n`)
      }),
    )
}
