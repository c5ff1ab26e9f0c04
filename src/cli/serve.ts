// `bulkhead serve`: runs the server, by src/main.ts.
import { Command } from 'commander'
import { action } from './run.ts'

export function serveCommand(): Command {
  return new Command('serve')
    .description('start the server, and its database when none is configured')
    .action(
      action(async (config) => {
        const { serve } = await import('../main.ts')
        process.exitCode = await serve(config)
      }),
    )
}
