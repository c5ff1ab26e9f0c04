// Which texts are accepted from outside at all. Fields have further rules of their own.

/** PostgreSQL cannot store a NUL or half of a surrogate pair. */
function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

const CONTROL = /\p{Cc}/u

/** Storable and without control characters: for names, keys, slugs and ids. */
export function isPlain(text: string): boolean {
  return isStorable(text) && !CONTROL.test(text)
}

type Path = readonly string[]

/**
 * The paths of the unstorable texts in a value, including field names. There are nearly never any, so paths are built
 * only on demand.
 */
export function unstorableIn(value: unknown): readonly Path[] {
  const found: Path[] = []
  collect(value, null, found)
  return found
}

/** The position of a value: its name, and the position of its container. */
type Place = { readonly name: string | number; readonly within: Place | null }

function collect(value: unknown, place: Place | null, found: Path[]): void {
  if (typeof value === 'string') {
    if (!isStorable(value)) found.push(pathOf(place))
  } else if (Array.isArray(value)) {
    let index = 0
    for (const item of value) {
      // Numbers and the like need no position.
      if (mayHoldText(item)) collect(item, { name: index, within: place }, found)
      index += 1
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const name of Object.keys(value)) {
      if (!isStorable(name)) found.push(pathOf({ name, within: place }))
      const inner: unknown = (value as Record<string, unknown>)[name]
      if (mayHoldText(inner)) collect(inner, { name, within: place }, found)
    }
  }
}

function mayHoldText(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'object'
}

function pathOf(place: Place | null): Path {
  const path: string[] = []
  for (let at = place; at !== null; at = at.within) path.unshift(String(at.name))
  return path
}

/** At most `count` characters from the start, never half a surrogate pair. */
export function firstCharacters(text: string, count: number): string {
  if (text.length <= count) return text
  // A character has two units at most: a long text is not split whole.
  return [...text.slice(0, 2 * count)].slice(0, count).join('')
}
