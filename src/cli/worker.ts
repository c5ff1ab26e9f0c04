// `bulkhead worker`: runs jobs without serving requests.
import { Command } from 'commander'
import { runWorker } from '../main.ts'
import { action } from './run.ts'

export function workerCommand(): Command {
  return new Command('worker').description('run jobs without serving requests').action(
    action(async (config) => {
      process.exitCode = await runWorker(config)
    }),
  )
}
