// Lists as Stripe pages them, and objects put in the place of their ids (`expand`).
import type { Account } from './account.ts'
import type { Params } from './form.ts'
import { text, texts } from './form.ts'
import { invalid } from './problem.ts'

const LIMIT_DEFAULT = 10
const LIMIT_MAX = 100
const EXPAND_DEPTH_MAX = 4

/** A page of the account's objects of a kind, newest first; `matches` are fields that must be equal. */
export function listOf(
  account: Account,
  kind: string,
  params: Params,
  { url, matches = [] }: { readonly url: string; readonly matches?: readonly string[] },
): object {
  const limit = Number(text(params, 'limit') ?? LIMIT_DEFAULT)
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX) throw invalid('Invalid limit', 'limit')
  const created = (params.created ?? {}) as Params
  const from = Number(text(created, 'gte') ?? 0)
  const until = Number(text(created, 'lte') ?? Number.MAX_SAFE_INTEGER)
  const after = text(params, 'starting_after')
  const all = account.store
    .list(account.id, kind)
    .filter((object) => object.created >= from && object.created <= until)
    .filter((object) =>
      matches.every((field) => text(params, field) === null || object[field] === text(params, field)),
    )
  const start = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1
  return { object: 'list', url, data: all.slice(start, start + limit), has_more: all.length > start + limit }
}

/** The answer with what was asked to be expanded in it. */
export function expanded(account: Account, answer: object, params: Params): object {
  return texts(params, 'expand').reduce(
    (object, path) => expandPath(account, object, path.split('.').slice(0, EXPAND_DEPTH_MAX)),
    answer,
  )
}

function expandPath(account: Account, object: object, path: readonly string[]): object {
  const [name, ...rest] = path
  if (name === undefined) return object
  const value = (object as Record<string, unknown>)[name]
  if (name === 'data' && Array.isArray(value)) {
    return { ...object, data: value.map((item: object) => expandPath(account, item, rest)) }
  }
  const found = typeof value === 'string' ? account.store.find(account.id, value) : value
  if (typeof found !== 'object' || found === null) return object
  return { ...object, [name]: expandPath(account, found, rest) }
}
