// Stripe's form encoding: names in brackets for what is nested, `metadata[order]=7`, `expand[]=charge`, `expand[0]=charge`.

export type Params = { readonly [name: string]: ParamValue }
export type ParamValue = string | readonly ParamValue[] | Params

type Draft = { [name: string]: string | Draft }

const NAMES_MAX = 1_000

/** The values of a body or a query string. Lists come out as lists. */
export function parseForm(text: string): Params {
  const root: Draft = {}
  let count = 0
  for (const [name, value] of new URLSearchParams(text)) {
    count += 1
    if (count > NAMES_MAX) throw new Error('too many parameters')
    const path = [...name.matchAll(/^[^[]+|\[([^\]]*)\]/g)].map(([whole, inner]) => inner ?? whole)
    put(root, path, value, count)
  }
  return settle(root) as Params
}

function put(root: Draft, path: readonly string[], value: string, unique: number): void {
  let place = root
  path.forEach((step, depth) => {
    // `[]` is the next of a list.
    const name = step === '' ? String(unique) : step
    if (['__proto__', 'constructor', 'prototype'].includes(name)) throw new Error('no such parameter')
    if (depth === path.length - 1) {
      place[name] = value
      return
    }
    const next = place[name]
    if (typeof next === 'object') {
      place = next
    } else {
      const made: Draft = {}
      place[name] = made
      place = made
    }
  })
}

function settle(value: string | Draft): ParamValue {
  if (typeof value === 'string') return value
  const entries = Object.entries(value)
  const isList = entries.length > 0 && entries.every(([name]) => /^\d+$/.test(name))
  if (isList) return entries.map(([, item]) => settle(item))
  return Object.fromEntries(entries.map(([name, item]) => [name, settle(item)]))
}

export function text(params: Params, name: string): string | null {
  const value = params[name]
  return typeof value === 'string' ? value : null
}

export function texts(params: Params, name: string): string[] {
  const value = params[name]
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
}

/** A nested group of texts: metadata. */
export function group(params: Params, name: string): Record<string, string> {
  const value = params[name]
  if (typeof value !== 'object' || Array.isArray(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}
