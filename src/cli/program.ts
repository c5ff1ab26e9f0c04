// All commands in one program. Does nothing by itself.
import { Command } from 'commander'
import { doctorCommand } from './doctor.ts'
import { jobsCommand } from './jobs.ts'
import { migrateCommand } from './migrate.ts'
import { sandboxCommand } from './sandbox.ts'
import { secretsCommand } from './secrets.ts'
import { seedCommand } from './seed.ts'
import { serveCommand } from './serve.ts'
import { tenantCommand } from './tenant.ts'
import { tokenCommand } from './token.ts'
import { verifyCommand } from './verify.ts'
import { workerCommand } from './worker.ts'

export function program(): Command {
  return new Command('bulkhead')
    .description(
      'A multi-tenant GraphQL backend for commerce. Settings come from the environment: .env.example.',
    )
    .addCommand(serveCommand())
    .addCommand(migrateCommand())
    .addCommand(doctorCommand())
    .addCommand(verifyCommand())
    .addCommand(tokenCommand())
    .addCommand(tenantCommand())
    .addCommand(seedCommand())
    .addCommand(workerCommand())
    .addCommand(jobsCommand())
    .addCommand(secretsCommand())
    .addCommand(sandboxCommand())
}
