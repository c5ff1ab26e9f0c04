// What every command shares: its configuration, one-line errors, the exit code, its report.
import { type Config, ConfigError, loadConfig } from '../config.ts'
import { AppError } from '../core/errors.ts'
import { missingObject } from '../db/faults.ts'

const EXIT_FAILURE = 1
/** EX_CONFIG of sysexits.h, after which supervisors do not restart. */
const EXIT_CONFIGURATION = 78

/** A commander action without a configuration: turns an error of `work` into one message and the exit code. */
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

/** The same with the configuration of this process. */
export function action<Arguments extends unknown[]>(
  work: (config: Config, ...parameters: Arguments) => Promise<void>,
): (...parameters: Arguments) => Promise<void> {
  return plainAction(async (...parameters: Arguments) => work(loadConfig(), ...parameters))
}

/**
 * The same for commands that work alike in development and production: NODE_ENV need not be set beside a configured
 * database.
 */
export function actionAnywhere<Arguments extends unknown[]>(
  work: (config: Config, ...parameters: Arguments) => Promise<void>,
): (...parameters: Arguments) => Promise<void> {
  return plainAction(async (...parameters: Arguments) =>
    work(loadConfig({ inAnyEnvironment: true }), ...parameters),
  )
}

/** Prints the report: text, or JSON with `--json`. Nothing else goes to standard output. */
export function report(options: { json?: boolean }, json: unknown, text: string): void {
  process.stdout.write(options.json === true ? `${JSON.stringify(json)}\n` : `${text}\n`)
}

/** A command logs only failures, unless LOG_LEVEL asks for more. */
export function commandLogLevel({ logLevel }: Config): string {
  return logLevel === 'info' ? 'warn' : logLevel
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) {
    return [`bulkhead: ${error.message}`, ...error.problems.map((problem) => `  ${problem}`)].join('\n')
  }
  if (error instanceof AppError) return `bulkhead: ${error.message}`
  if (!(error instanceof Error)) return `bulkhead: ${String(error)}`
  const missing = missingObject(error)
  if (missing !== null)
    return `bulkhead: The database lacks what this release needs: ${missing}. Run bulkhead migrate; if that changes nothing, see bulkhead doctor.`
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return `bulkhead: unexpected failure: ${error.message || code || error.name}`
}
