// Structured logs. Owns the redaction list; knows nothing of requests or tenants beyond their fields.
import { type Logger, pino } from 'pino'

export type { Logger }

/** Fields that must never reach a log, wherever a caller put them. */
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

/** A JSON logger on standard error, so that a command's standard output stays its own. */
export function createLogger(
  level: string,
  destination: { write(line: string): void } = process.stderr,
): Logger {
  return pino({ level, base: null, redact: { paths: REDACTED, censor: '[redacted]' } }, destination)
}
