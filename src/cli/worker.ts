// `bulkhead worker`: runs jobs and nothing else, beside servers that serve and nothing else.
import { Command } from 'commander'
import { runWorker } from '../main.ts'
import { action } from './run.ts'

export function workerCommand(): Command {
  return new Command('worker').description('run jobs, and serve nobody').action(
    action(async (config) => {
      process.exitCode = await runWorker(config)
    }),
  )
}
