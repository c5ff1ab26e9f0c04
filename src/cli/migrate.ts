// `bulkhead migrate`: applies the pending migrations and lists them.
import { Command } from 'commander'
import { createLogger } from '../core/logger.ts'
import { requireOwner, withUnmigratedDatabase } from './command-database.ts'
import { actionAnywhere, commandLogLevel, report } from './run.ts'

export function migrateCommand(): Command {
  return new Command('migrate')
    .description('bring the database up to date')
    .option('--json', 'report as JSON')
    .action(
      actionAnywhere(async (config, options: { json?: boolean }) => {
        const logger = createLogger(commandLogLevel(config))
        const { migrate } = await import('../db/migrations/migrate.ts')
        const { applied } = await withUnmigratedDatabase(config, logger, (urls) =>
          migrate({ ...urls, ownerUrl: requireOwner(urls), logger }),
        )
        const text = applied.length === 0 ? 'The database is up to date.' : `Applied: ${applied.join(', ')}`
        report(options, { applied }, text)
      }),
    )
}
