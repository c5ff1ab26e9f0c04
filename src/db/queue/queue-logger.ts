// Forwards graphile-worker's log to ours, with mapped levels.
import { Logger as QueueLogger } from 'graphile-worker'
import type { Logger } from '../../core/logger.ts'

/** Its `info` logs every job; ours does not. */
const LEVELS = { error: 'error', warning: 'warn', info: 'debug', debug: 'trace' } as const

export function queueLogger(logger: Logger): QueueLogger {
  return new QueueLogger((scope) => (level, message, meta) => {
    if (meta?.failure === true) return // a job failed: the worker logs that, once
    const { workerId, taskIdentifier, jobId } = scope
    const error = meta?.error
    logger[LEVELS[level]](
      { workerId, task: taskIdentifier, jobId, ...(error != null && { err: error }) },
      message,
    )
  })
}
