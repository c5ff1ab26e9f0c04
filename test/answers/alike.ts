// Answers of two databases with the same rows, without what later rows differ in: ids, times and secrets.
import { decodeId } from '../../src/core/ids.ts'

const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g
const ID = /\b[a-z]+_[0-9a-z]{26}\b/g
const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g
const CURSOR = /"[\w-]{40,}"/g
const SECRET = /\b(?:bk_test|whsec)_\w{20,}\b/g
/** Before a cursor's content: a checksum of it. */
const CHECK_LENGTH = 8

export type Seeded = { readonly at: Date; readonly uuids: ReadonlySet<string> }

/** The text with what was made later replaced. */
export function alike(text: string, seeded: Seeded): string {
  const plain = (part: string): string =>
    part
      .replaceAll(SECRET, '<secret>')
      .replaceAll(TIME, (time) => (new Date(time) > seeded.at ? '<time>' : time))
      .replaceAll(ID, (id) => (isLater(decodeId(id)?.uuid ?? '', seeded) ? '<id>' : id))
      .replaceAll(UUID, (uuid) => (isLater(uuid, seeded) ? '<uuid>' : uuid))
  return plain(text).replaceAll(CURSOR, (quoted) => {
    const content = Buffer.from(quoted.slice(1, -1), 'base64url').toString().slice(CHECK_LENGTH)
    const same = plain(content)
    return same === content ? quoted : `"<cursor ${same}>"`
  })
}

/** Most UUIDs have their time in the first 48 bits; those that the database makes are random. */
function isLater(uuid: string, { at, uuids }: Seeded): boolean {
  if (uuid.charAt(14) === '4') return !uuids.has(uuid)
  return Number.parseInt(uuid.replaceAll('-', '').slice(0, 12), 16) > at.getTime()
}

/** The answer with its errors in the order of their texts: fields that fail at the same time have none. */
export function withErrorsSorted(body: string): string {
  const { errors } = JSON.parse(body) as { readonly errors?: readonly unknown[] }
  if (errors === undefined) return body
  const sorted = errors.map((error) => JSON.stringify(error)).toSorted()
  return body.replace(JSON.stringify(errors), () => `[${sorted.join(',')}]`)
}
