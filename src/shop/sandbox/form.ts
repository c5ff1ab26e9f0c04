// Parses Stripe's form encoding, with brackets for nested names: `metadata[order]=7`, `expand[]=charge`,
// `expand[0]=charge`.

export type Params = { readonly [name: string]: ParamValue }
export type ParamValue = string | Params

type Draft = { [name: string]: string | Draft }

const NAMES_MAX = 1_000
/** The pattern below takes quadratic time for an unclosed bracket: 600 kB of them took minutes. */
const NAME_LENGTH_MAX = 500

/** The values of a body or a query string. A list is a group with numeric names, which metadata may have as well. */
export function parseForm(text: string): Params {
  const root: Draft = {}
  let count = 0
  for (const [name, value] of new URLSearchParams(text)) {
    count += 1
    if (count > NAMES_MAX) throw new Error('too many parameters')
    if (name.length > NAME_LENGTH_MAX) throw new Error('a parameter with too long a name')
    const path = [...name.matchAll(/^[^[]+|\[([^\]]*)\]/g)].map(([whole, inner]) => inner ?? whole)
    put(root, path, value, count)
  }
  return root
}

function put(root: Draft, path: readonly string[], value: string, unique: number): void {
  let place = root
  path.forEach((step, depth) => {
    // `[]` is the next item of a list.
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

export function text(params: Params, name: string): string | null {
  const value = params[name]
  return typeof value === 'string' ? value : null
}

/** A list, in numeric order. */
export function texts(params: Params, name: string): string[] {
  return Object.entries(group(params, name)).flatMap(([number, item]) => (/^\d+$/.test(number) ? [item] : []))
}

/** A nested group of texts, such as metadata. */
export function group(params: Params, name: string): Record<string, string> {
  const value = params[name]
  if (typeof value !== 'object') return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}
