// Starts the parts of the process in order, stops them in reverse, on signals and failures, within a deadline.
import type { Logger } from './core/logger.ts'

/** Kubernetes and Docker Compose usually grant 30 s before they kill. */
const STOP_DEADLINE_MS = 25_000
/** npm forwards a Ctrl-C that the terminal has also sent to us: two signals within this time count as one. */
const SECOND_SIGNAL_AFTER_MS = 500
const EXIT_FAILURE = 1
const EXIT_INTERRUPTED = 130
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export interface Lifecycle {
  /**
   * Runs one phase of the start; `stop` undoes it at the end. Throws when a stop was requested meanwhile. `ended`
   * resolves when the part has ended; if nobody stopped it, everything else is stopped and the process fails with that
   * error.
   */
  phase<T>(
    name: string,
    start: () => Promise<T>,
    stop?: (started: T) => Promise<void>,
    ended?: (started: T) => Promise<Error>,
  ): Promise<T>
  /** The duration of each phase so far. */
  readonly phasesMs: Readonly<Record<string, number>>
}

/**
 * Starts, waits for a signal or a failure, stops in reverse order. Returns the exit code; throws the errors of `start`
 * after stopping what had started. A second signal, or a stop past its deadline, ends the process at once.
 */
export async function runUntilStopped(
  logger: Logger,
  start: (lifecycle: Lifecycle) => Promise<void>,
): Promise<number> {
  const stops: { name: string; stop: () => Promise<void> }[] = []
  const phasesMs: Record<string, number> = {}
  const end = listenForTheEnd(logger)
  const lifecycle: Lifecycle = {
    phasesMs,
    async phase(name, start, stop, ended) {
      const startedAtMs = performance.now()
      const started = await start()
      let isStopping = false
      if (stop !== undefined) {
        stops.push({
          name,
          stop() {
            isStopping = true
            return stop(started)
          },
        })
      }
      void ended?.(started).then((error) => {
        if (!isStopping) end.fail(error)
      })
      phasesMs[name] = Math.round(performance.now() - startedAtMs)
      if (end.isAsked()) throw new StoppedWhileStarting()
      return started
    },
  }
  const failure = await start(lifecycle).then(
    () => null,
    (error: unknown) => (error instanceof StoppedWhileStarting ? null : { error }),
  )
  if (failure !== null) end.ask(EXIT_FAILURE)
  const exitCode = await end.asked
  const isInOrder = await stopAll(stops.toReversed(), logger)
  end.release()
  if (failure !== null) throw failure.error
  return isInOrder ? exitCode : EXIT_FAILURE
}

class StoppedWhileStarting extends Error {}

/** False when a part failed to stop; the others are stopped all the same. */
async function stopAll(
  stops: { name: string; stop: () => Promise<void> }[],
  logger: Logger,
): Promise<boolean> {
  let isInOrder = true
  for (const { name, stop } of stops) {
    try {
      await stop()
    } catch (error) {
      isInOrder = false
      logger.error({ err: error, part: name }, 'a part failed to stop')
    }
  }
  return isInOrder
}

/** Turns signals and failures into one exit code, and bounds the stop. */
function listenForTheEnd(logger: Logger) {
  const { promise: asked, resolve } = Promise.withResolvers<number>()
  let askedAtMs: number | undefined
  let isStopRequested = false
  let deadline: NodeJS.Timeout | undefined

  /** The first one counts. */
  function ask(exitCode: number): void {
    askedAtMs ??= performance.now()
    deadline ??= setTimeout(() => {
      logger.fatal({ deadlineMs: STOP_DEADLINE_MS }, 'the stop took too long')
      process.exit(EXIT_FAILURE)
    }, STOP_DEADLINE_MS)
    resolve(exitCode)
  }

  /** After a requested stop failures are expected: a Ctrl-C ends the parts too. */
  function fail(error: Error): void {
    // Logged even after an earlier failure: when a database ends, its users fail first.
    if (!isStopRequested) logger.fatal({ err: error }, error.message)
    ask(EXIT_FAILURE)
  }

  function onSignal(signal: NodeJS.Signals): void {
    if (askedAtMs === undefined) {
      isStopRequested = true
      logger.info({ signal }, 'stopping')
      ask(0)
    } else if (performance.now() - askedAtMs > SECOND_SIGNAL_AFTER_MS) {
      process.exit(EXIT_INTERRUPTED)
    }
  }

  function onUncaught(error: Error, origin: string): void {
    logger.fatal({ err: error, origin }, 'an unhandled error')
    ask(EXIT_FAILURE)
  }

  for (const signal of SIGNALS) process.on(signal, onSignal)
  process.on('uncaughtException', onUncaught)
  return {
    asked,
    isAsked: () => askedAtMs !== undefined,
    fail,
    ask,
    /**
     * Everything is stopped: the process exits, or is ended at the deadline when something keeps it alive. Signals are
     * handled until then: one that npm forwards late would otherwise kill the process after a clean stop.
     */
    release() {
      process.off('uncaughtException', onUncaught)
      deadline?.unref()
    },
  }
}
