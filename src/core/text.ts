// Which texts may come in: the one place that says what no text from outside may hold. Knows no field's own rules.

/** What a database cannot keep as it came: a NUL, which no column holds, or half of a surrogate pair. */
function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

const CONTROL = /\p{Cc}/u

/** Storable and without control characters: what names something, like a key, a slug or an id. */
export function isPlain(text: string): boolean {
  return isStorable(text) && !CONTROL.test(text)
}

type Path = readonly string[]

/**
 * The paths of the texts in a value that cannot be stored, names of fields included. Nearly always none, so a path is only
 * built once something is found.
 */
export function unstorableIn(value: unknown): readonly Path[] {
  const found: Path[] = []
  collect(value, null, found)
  return found
}

/** Where a value stands: its name, and where what holds it stands. */
type Place = { readonly name: string | number; readonly within: Place | null }

function collect(value: unknown, place: Place | null, found: Path[]): void {
  if (typeof value === 'string') {
    if (!isStorable(value)) found.push(pathOf(place))
  } else if (Array.isArray(value)) {
    let index = 0
    for (const item of value) {
      // Numbers and their like make no place.
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
