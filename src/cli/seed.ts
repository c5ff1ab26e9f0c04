// `bulkhead seed`: makes missing demo tenants. The modules build their rows.
import { Command } from 'commander'
import { AppError } from '../core/errors.ts'
import { createLogger } from '../core/logger.ts'
import { requireOwner, withDatabase } from './command-database.ts'
import { action, commandLogLevel, report } from './run.ts'

export function seedCommand(): Command {
  return new Command('seed')
    .description('make missing demo tenants (never in production)')
    .option('--json', 'report as JSON')
    .action(
      action(async (config, options: { json?: boolean }) => {
        if (!config.environment.hasDemo) {
          throw new AppError('FORBIDDEN', 'there is no demo data in production')
        }
        const { DEVELOPMENT } = await import('../wiring.ts')
        const logger = createLogger(commandLogLevel(config))
        const made = await withDatabase(config, logger, async (urls) => {
          const total = { tenants: 0, rows: 0, skipped: true }
          for (const { seed } of DEVELOPMENT) {
            const part = await seed?.({ ownerUrl: requireOwner(urls), logger })
            if (part === undefined) continue
            total.tenants += part.tenants
            total.rows += part.rows
            total.skipped &&= part.skipped
          }
          return total
        })
        const text = made.skipped
          ? 'The demo tenants are there already.'
          : `Made ${made.tenants} demo tenants: ${made.rows} rows.`
        report(options, made, text)
      }),
    )
}
