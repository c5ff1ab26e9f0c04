// A worker process for tests to kill. Its one task waits, adds 1 to a member's version unless it has already done so,
// and waits again. Argument: a JSON object. Prints each step on one line.
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../src/core/clock.ts'
import { createLogger } from '../../src/core/logger.ts'
import { openDatabase } from '../../src/db/database.ts'
import { startWorker } from '../../src/jobs/worker.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

type Arguments = { runtimeUrl: string; workerUrl: string; waitMs: number; waitAfterMs: number }

const { runtimeUrl, workerUrl, waitMs, waitAfterMs } = JSON.parse(process.argv[2] ?? '{}') as Arguments
const logger = createLogger('silent')
const database = openDatabase({ url: runtimeUrl, poolMax: 2, namedStatements: true, logger })
const worker = await startWorker({
  url: workerUrl,
  database,
  clock: systemClock,
  logger,
  concurrency: 1,
  metrics: createMetrics(database),
  schedule: [],
  tasks: [
    {
      name: 'test.slow',
      attemptsMax: 5,
      run: async (caller, { memberId, version }) => {
        process.stdout.write('started\n')
        await sleep(waitMs)
        await caller.database.withTenant(caller.scope, (tx) =>
          tx.member.updateMany({
            where: { id: String(memberId), version: Number(version) },
            data: { version: { increment: 1 } },
          }),
        )
        process.stdout.write('worked\n')
        await sleep(waitAfterMs)
      },
    },
  ],
})
process.once('SIGTERM', () => {
  worker
    .stop()
    .then(() => database.close())
    .then(
      () => process.exit(0),
      () => process.exit(1),
    )
})
process.stdout.write('ready\n')
