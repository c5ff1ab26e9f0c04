// `bulkhead jobs …`: lists waiting and dead jobs, and retries dead ones.
import { Command, InvalidArgumentError } from 'commander'
import type { Config } from '../config.ts'
import { AppError } from '../core/errors.ts'
import { createLogger } from '../core/logger.ts'
import type { QueueConnection, QueuedJob } from '../db/queue/queue-connection.ts'
import { withDatabase } from './command-database.ts'
import { actionAnywhere, commandLogLevel, report } from './run.ts'

const LISTED_MAX = 200

export function jobsCommand(): Command {
  return new Command('jobs')
    .description('list jobs, and retry dead ones')
    .addCommand(listCommand())
    .addCommand(retryCommand())
}

function listCommand(): Command {
  return new Command('list')
    .description(`list jobs, those due first (at most ${LISTED_MAX})`)
    .option('--dead', 'only those that used up their attempts')
    .option('--json', 'report as JSON')
    .action(
      actionAnywhere(async (config, options: { dead?: boolean; json?: boolean }) => {
        const jobs = await withQueue(config, (queue) =>
          queue.list({ onlyDead: options.dead === true, limit: LISTED_MAX }),
        )
        report(options, { jobs }, jobs.map(lineOf).join('\n') || 'There are no such jobs.')
      }),
    )
}

function retryCommand(): Command {
  return new Command('retry')
    .description('give dead jobs all their attempts again')
    .argument('[id]', 'the job', parseId)
    .option('--all', 'all of them')
    .option('--json', 'report as JSON')
    .action(
      actionAnywhere(async (config, id: string | undefined, options: { all?: boolean; json?: boolean }) => {
        if ((id === undefined) === (options.all !== true)) {
          throw new AppError('BAD_USER_INPUT', 'name a job: jobs retry ID, or jobs retry --all')
        }
        const revived = await withQueue(config, (queue) => queue.retry(id ?? null))
        if (id !== undefined && revived === 0) throw new AppError('NOT_FOUND', `there is no dead job ${id}`)
        report(options, { revived }, `${revived} will be tried again.`)
      }),
    )
}

async function withQueue<T>(config: Config, work: (queue: QueueConnection) => Promise<T>): Promise<T> {
  const logger = createLogger(commandLogLevel(config))
  const { openQueueConnection } = await import('../db/queue/queue-connection.ts')
  return withDatabase(config, logger, async ({ workerUrl }) => {
    if (workerUrl === null) {
      throw new AppError('SERVICE_UNAVAILABLE', 'This command needs the queue: set DATABASE_WORKER_URL.')
    }
    const queue = openQueueConnection(workerUrl, logger)
    try {
      return await work(queue)
    } finally {
      await queue.close()
    }
  })
}

function lineOf({ id, task, tenantId, attempts, attemptsMax, runAt, lastError, isDead }: QueuedJob): string {
  const state = isDead ? 'dead' : `due ${runAt.toISOString()}`
  const error = lastError === null ? '' : `  ${lastError.split('\n')[0]}`
  return `${id}  ${task}  ${tenantId ?? 'no tenant'}  ${attempts}/${attemptsMax}  ${state}${error}`
}

function parseId(text: string): string {
  if (/^\d{1,18}$/.test(text)) return text
  throw new InvalidArgumentError('An id is a number: see jobs list.')
}
