// Finds entries by ids and words.
import { isUuid, NO_ID } from '../../../core/ids.ts'
import type { ReadWhere } from '../../../db/register.ts'
import { nodeOf } from '../../../graphql/node-ids.ts'
import { search, splitWords } from '../../../graphql/search.ts'

/** The entries of one actor, of any kind. */
export function actorIn(id: string): ReadWhere<'AuditEntry'> {
  return { actorId: uuidIn(id) }
}

/** The history of one object. */
export function subjectIn(id: string): ReadWhere<'AuditEntry'> {
  const node = nodeOf(id)
  return node === null ? { subjectId: uuidIn(id) } : { subjectType: node.name, subjectId: node.uuid }
}

function uuidIn(id: string): string {
  return nodeOf(id)?.uuid ?? (isUuid(id) ? id : NO_ID)
}

/**
 * The entries that have all words of a query. An id finds, by index, those about its object and those of its actor; other words
 * are looked for in each entry.
 */
export function queried(query: string | null | undefined): ReadWhere<'AuditEntry'> {
  const { chosen: ids, rest } = splitWords(query, (word) => nodeOf(word) !== null)
  return {
    AND: [
      ...ids.map((id) => ({ OR: [subjectIn(id), actorIn(id)] })),
      search(rest, (word) => [
        { actorLabel: word },
        { action: word },
        { subjectType: word },
        { requestId: word },
        { before: { asText: word } },
        { after: { asText: word } },
      ]),
    ],
  }
}
