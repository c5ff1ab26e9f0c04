// Creates the structured logger, with the list of redacted fields.
import { type Logger, pino } from 'pino'

export type { Logger }

/** Fields that must never appear in a log, at any depth that callers use. */
const REDACTED = [
  'authorization',
  'password',
  'secret',
  'token',
  '*.authorization',
  '*.password',
  '*.secret',
  '*.token',
  'req.headers.authorization',
]

/** A JSON logger on standard error, since standard output has a command's report. */
export function createLogger(
  level: string,
  destination: { write(line: string): void } = process.stderr,
): Logger {
  return pino({ level, base: null, redact: { paths: REDACTED, censor: '[redacted]' } }, destination)
}
