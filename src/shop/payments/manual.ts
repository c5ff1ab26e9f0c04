// Payments and refunds that are recorded by hand: their method, reference and note. Nobody verifies them; the audit
// names the person who recorded them.
import { z } from 'zod'
import { clearable } from '../../commands/input-rules.ts'

export const MANUAL_METHODS = ['CASH', 'BANK_TRANSFER', 'OTHER'] as const

const REFERENCE_LENGTH_MAX = 255
const NOTE_LENGTH_MAX = 500
/** Clocks differ: a time may be at most 10 minutes ahead of the server's. */
const CLOCK_SLACK_MS = 600_000

export const manualSchema = {
  method: z.enum(MANUAL_METHODS),
  reference: clearable(z.string().trim().max(REFERENCE_LENGTH_MAX)),
}

export const noteSchema = clearable(z.string().trim().max(NOTE_LENGTH_MAX))

/** Whether the money changed hands before now. */
export function isPast(at: Date | undefined, now: Date): boolean {
  return at === undefined || at.getTime() <= now.getTime() + CLOCK_SLACK_MS
}

/** Whether the method puts the money into the till; every other method puts it into the bank. */
export function isCash(method: string | null): boolean {
  return method === 'CASH'
}
