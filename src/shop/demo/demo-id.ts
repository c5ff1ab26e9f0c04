// Ids of demo rows: UUID version 7 (RFC 9562) of the row's own time, with seeded random bits.
import type { Random } from './random.ts'

/** A UUID v7 that sorts by `timeMs` (since 1970), like the ids of real rows. */
export function demoId(timeMs: number, random: Random): string {
  const time = timeMs.toString(16).padStart(12, '0')
  const hex = (digits: number): string =>
    random
      .between(0, 16 ** digits - 1)
      .toString(16)
      .padStart(digits, '0')
  const variant = random.pick(['8', '9', 'a', 'b'])
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(3)}-${variant}${hex(3)}-${hex(6)}${hex(6)}`
}
