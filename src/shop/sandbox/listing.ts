// Stripe's pagination, and the expansion of ids into objects (`expand`).
import { type Account, load } from './account.ts'
import type { Params } from './form.ts'
import { text, texts } from './form.ts'
import { invalid } from './problem.ts'
import type { Selection } from './store.ts'

const LIMIT_DEFAULT = 10
const LIMIT_MAX = 100
const EXPAND_DEPTH_MAX = 4
/** Fields that hold another object's id. Other fields that look like an id (a description) are left alone. */
const EXPANDABLE: ReadonlySet<string> = new Set([
  'balance_transaction',
  'charge',
  'failure_balance_transaction',
  'latest_charge',
  'payment_intent',
  'source',
])

/** A page of the account's objects of a kind, newest first; `matches` are fields that must be equal. */
export function listOf(
  account: Account,
  kind: string,
  params: Params,
  { url, matches = [] }: { readonly url: string; readonly matches?: readonly string[] },
): object {
  const limit = wholeNumber(text(params, 'limit') ?? String(LIMIT_DEFAULT), 'limit')
  if (limit < 1 || limit > LIMIT_MAX) throw invalid('Invalid limit: it is 1 to 100', 'limit')
  const cursor = cursorOf(account, kind, params)
  const created = createdOf(params)
  // One more row shows whether there is a next page.
  const found = account.store.select(account.id, {
    kind,
    created,
    matches: matchesOf(params, matches),
    cursor,
    limit: limit + 1,
  })
  const data = cursor?.side === 'NEWER' ? found.slice(-limit) : found.slice(0, limit)
  return { object: 'list', url, data, has_more: found.length > limit }
}

function cursorOf(account: Account, kind: string, params: Params): Selection['cursor'] {
  const [after, before] = [text(params, 'starting_after'), text(params, 'ending_before')]
  if (after !== null && before !== null) {
    throw invalid('You can specify starting_after or ending_before, not both.', 'starting_after')
  }
  const id = after ?? before
  if (id === null) return null
  load(account, kind, id)
  return { id, side: after === null ? 'NEWER' : 'OLDER' }
}

/** A time, or a range of times. */
function createdOf(params: Params): Selection['created'] {
  const { created } = params
  if (typeof created === 'string') {
    const moment = wholeNumber(created, 'created')
    return { from: moment, until: moment }
  }
  const bounds = (created ?? {}) as Params
  const bound = (name: string, otherwise: number) => {
    const given = text(bounds, name)
    return given === null ? otherwise : wholeNumber(given, `created[${name}]`)
  }
  return {
    from: Math.max(bound('gte', 0), bound('gt', -1) + 1),
    until: Math.min(bound('lte', Number.MAX_SAFE_INTEGER), bound('lt', Number.MAX_SAFE_INTEGER) - 1),
  }
}

/** `type` is matched by `type`, and by any of `types`. */
function matchesOf(params: Params, fields: readonly string[]): Selection['matches'] {
  return fields.flatMap((field) => {
    const one = text(params, field)
    const values = one === null ? texts(params, `${field}s`) : [one]
    return values.length === 0 ? [] : [[field, values] as const]
  })
}

function wholeNumber(given: string, param: string): number {
  const value = Number(given)
  if (!/^\d+$/.test(given) || !Number.isSafeInteger(value)) throw invalid(`Invalid integer: ${given}`, param)
  return value
}

/** The answer with the requested expansions. */
export function expanded(account: Account, answer: object, params: Params): object {
  return texts(params, 'expand').reduce((object, path) => {
    const steps = path.split('.')
    if (steps.length > EXPAND_DEPTH_MAX) throw invalid('You cannot expand more than 4 levels', 'expand')
    return expandPath(account, object, steps)
  }, answer)
}

function expandPath(account: Account, object: object, [name, ...rest]: readonly string[]): object {
  if (name === undefined) return object
  const value = (object as Record<string, unknown>)[name]
  if (name === 'data' && Array.isArray(value)) {
    return { ...object, data: value.map((item: object) => expandPath(account, item, rest)) }
  }
  if (!EXPANDABLE.has(name)) throw invalid(`This property cannot be expanded (${name}).`, 'expand')
  const found = typeof value === 'string' ? account.store.find(account.id, value) : value
  if (typeof found !== 'object' || found === null) return object
  return { ...object, [name]: expandPath(account, found, rest) }
}
