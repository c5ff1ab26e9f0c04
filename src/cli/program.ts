// Assembles all commands into one program.
import { Command } from 'commander'
import type { CommandLine } from '../module.ts'
import { MODULES } from '../modules.ts'
import { addCommand } from './add-model/command.ts'
import { parseSlug } from './arguments.ts'
import { doctorCommand } from './doctor.ts'
import { jobsCommand } from './jobs.ts'
import { migrateCommand } from './migrate.ts'
import { newCommand } from './new.ts'
import { psqlCommand } from './psql.ts'
import { action, report } from './run.ts'
import { secretsCommand } from './secrets.ts'
import { seedCommand } from './seed.ts'
import { serveCommand } from './serve.ts'
import { tenantCommand } from './tenant.ts'
import { tokenCommand } from './token.ts'
import { verifyCommand } from './verify.ts'
import { workerCommand } from './worker.ts'

const COMMAND_LINE: CommandLine = {
  action,
  report,
  parseSlug,
  async inTenant(config, slug, work) {
    const { contextOf, withRuntime } = await import('./with-runtime.ts')
    return await withRuntime(config, async (runtime) =>
      work(await contextOf(runtime, slug), runtime.services),
    )
  },
}

export function program(): Command {
  const bulkhead = new Command('bulkhead')
    .description(
      'A multi-tenant GraphQL backend for commerce. Settings come from the environment: .env.example.',
    )
    .addCommand(newCommand())
    .addCommand(serveCommand())
    .addCommand(migrateCommand())
    .addCommand(doctorCommand())
    .addCommand(psqlCommand())
    .addCommand(verifyCommand())
    .addCommand(tokenCommand())
    .addCommand(tenantCommand())
    .addCommand(seedCommand())
    .addCommand(workerCommand())
    .addCommand(jobsCommand())
    .addCommand(secretsCommand())
    .addCommand(addCommand())
  for (const { commands } of MODULES) {
    for (const command of commands(COMMAND_LINE)) bulkhead.addCommand(command)
  }
  return bulkhead
}
