// What every command shares: its configuration, its failures in one line, its exit code, its report. Does no work itself.
import { type Config, ConfigError, loadConfig } from '../config.ts'
import { AppError } from '../core/errors.ts'

const EXIT_FAILURE = 1
/** EX_CONFIG of sysexits.h, which supervisors know not to restart on. */
const EXIT_CONFIGURATION = 78

/** An action for commander that needs no configuration: turns what `work` throws into one message and the exit code. */
export function plainAction<Arguments extends unknown[]>(
  work: (...parameters: Arguments) => Promise<void>,
): (...parameters: Arguments) => Promise<void> {
  return async (...parameters) => {
    try {
      await work(...parameters)
    } catch (error) {
      process.stderr.write(`${explain(error)}\n`)
      process.exitCode = error instanceof ConfigError ? EXIT_CONFIGURATION : EXIT_FAILURE
    }
  }
}

/** The same, given the configuration of this process first. */
export function action<Arguments extends unknown[]>(
  work: (config: Config, ...parameters: Arguments) => Promise<void>,
): (...parameters: Arguments) => Promise<void> {
  return plainAction(async (...parameters: Arguments) => work(loadConfig(), ...parameters))
}

/** The same for what development and production do alike: NODE_ENV need not be set beside a database of one's own. */
export function actionAnywhere<Arguments extends unknown[]>(
  work: (config: Config, ...parameters: Arguments) => Promise<void>,
): (...parameters: Arguments) => Promise<void> {
  return plainAction(async (...parameters: Arguments) =>
    work(loadConfig({ inAnyEnvironment: true }), ...parameters),
  )
}

/** For a person at a terminal, or with `--json` for a program. Standard output holds nothing else. */
export function report(options: { json?: boolean }, json: unknown, text: string): void {
  process.stdout.write(options.json === true ? `${JSON.stringify(json)}\n` : `${text}\n`)
}

/** A command's logs are for its failures; who asks for more in LOG_LEVEL gets it. */
export function commandLogLevel({ logLevel }: Config): string {
  return logLevel === 'info' ? 'warn' : logLevel
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) {
    return [`bulkhead: ${error.message}`, ...error.problems.map((problem) => `  ${problem}`)].join('\n')
  }
  if (error instanceof AppError) return `bulkhead: ${error.message}`
  if (!(error instanceof Error)) return `bulkhead: ${String(error)}`
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return `bulkhead: unexpected failure: ${error.message || code || error.name}`
}
