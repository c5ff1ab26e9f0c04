// `bulkhead seed`: makes the demo tenants where they are missing. Their rows are src/demo's.
import { Command } from 'commander'
import { AppError } from '../core/errors.ts'
import { createLogger } from '../core/logger.ts'
import { requireOwner, withDatabase } from './command-database.ts'
import { action, commandLogLevel, report } from './run.ts'

export function seedCommand(): Command {
  return new Command('seed')
    .description('make the demo tenants where they are missing (never in production)')
    .option('--json', 'report as JSON')
    .action(
      action(async (config, options: { json?: boolean }) => {
        if (config.environment === 'production') {
          throw new AppError('FORBIDDEN', 'there is no demo data in production')
        }
        const { seedDemo } = await import('../shop/demo/seed.ts')
        const logger = createLogger(commandLogLevel(config))
        const made = await withDatabase(config, logger, (urls) =>
          seedDemo({ ownerUrl: requireOwner(urls), logger }),
        )
        const text = made.skipped
          ? 'The demo tenants are there already.'
          : `Made ${made.tenants} demo tenants: ${made.rows} rows.`
        report(options, made, text)
      }),
    )
}
