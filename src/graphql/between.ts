// A filter by a span of time.

type Span = { readonly gte?: Date; readonly lt?: Date }

/** The filter for instants from `from` on and before `before`, to be spread into others; empty without either. */
export function between<Column extends string>(
  column: Column,
  from: Date | null | undefined,
  before: Date | null | undefined,
): { readonly [Name in Column]?: Span } {
  if (!from && !before) return {}
  // The compiler widens a computed name to any text.
  return { [column]: { ...(from && { gte: from }), ...(before && { lt: before }) } } as {
    readonly [Name in Column]?: Span
  }
}
