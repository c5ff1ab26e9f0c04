// Money that no provider moves: what is said of it when it is recorded. It counts on the word of whoever records it, whose
// name is in the audit.
import { z } from 'zod'

export const MANUAL_METHODS = ['CASH', 'BANK_TRANSFER', 'OTHER'] as const

const REFERENCE_LENGTH_MAX = 255
const NOTE_LENGTH_MAX = 500
/** Clocks differ: by so much it may lie ahead of ours. */
const CLOCK_SLACK_MS = 600_000

export const manualSchema = {
  method: z.enum(MANUAL_METHODS),
  reference: z
    .string()
    .trim()
    .max(REFERENCE_LENGTH_MAX, `at most ${REFERENCE_LENGTH_MAX} characters`)
    .nullish(),
}

export const noteSchema = z
  .string()
  .trim()
  .max(NOTE_LENGTH_MAX, `at most ${NOTE_LENGTH_MAX} characters`)
  .nullish()

/** When money changed hands: now or before. */
export function isPast(at: Date | null | undefined, now: Date): boolean {
  return at == null || at.getTime() <= now.getTime() + CLOCK_SLACK_MS
}

/** A method that puts it into the till; everything else is in the bank. */
export function isCash(method: string | null): boolean {
  return method === 'CASH'
}
