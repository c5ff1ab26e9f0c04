// `npm run db:migration -- NAME`: writes the SQL of a change to prisma/schema. A development tool; the product only
// applies migrations.
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { systemClock } from '../core/clock.ts'
import { writeMigration } from '../db/migrations/write-migration.ts'
import { runProgram } from './project-program.ts'
import { plainAction, report } from './run.ts'

const PRISMA_DIR = fileURLToPath(new URL('../../prisma', import.meta.url))

await new Command('db:migration')
  .description('write the migration that brings the database from the last one to prisma/schema')
  .argument('<name>', 'what it does, as add_suppliers')
  .option('--empty', 'without statements: for SQL written by hand')
  .option('--json', 'report as JSON')
  .action(
    plainAction(async (name: string, options: { empty?: boolean; json?: boolean }) => {
      const written = await writeMigration({
        name,
        schemaDir: `${PRISMA_DIR}/schema`,
        migrationsDir: `${PRISMA_DIR}/migrations`,
        now: systemClock,
        isEmpty: options.empty === true,
      })
      if (written === null)
        return report(options, { path: null }, 'The schema has not changed: nothing to migrate.')
      const { path, sql } = written
      runProgram('prisma', 'generate') // what the start knows of the schema is written by it
      report(
        options,
        { path },
        `${sql}\nWritten to ${path}. Read it before you commit it; npm start applies it.`,
      )
    }),
  )
  .parseAsync()
