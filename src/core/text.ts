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

/** The paths of the texts in a value that cannot be stored, names of fields included. */
export function* unstorableIn(value: unknown, path: readonly string[] = []): Generator<readonly string[]> {
  if (typeof value === 'string') {
    if (!isStorable(value)) yield path
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      const at = [...path, name]
      if (!isStorable(name)) yield at
      yield* unstorableIn(inner, at)
    }
  }
}
