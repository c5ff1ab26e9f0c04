// Columns that are not the same in a restored tenant, which a module names: nothing in it may act in the name of the one it
// was made from.

export type ColumnRule = {
  /** A secret: null in every export. */
  readonly hidden?: true
  /** What a restored tenant has in it: SQL over the exported row `r`; `$3` is the name asked for, or null. */
  readonly restored: string
}

/** By table and column. */
export type ColumnRules = Readonly<Record<string, Readonly<Record<string, ColumnRule>>>>

const rules = new Map<string, Readonly<Record<string, ColumnRule>>>()

export function addColumnRules(more: ColumnRules): void {
  for (const [table, columns] of Object.entries(more)) rules.set(table, columns)
}

/** Throws a plain Error where no module was loaded: secrets would be exported. */
export function columnRulesOf(table: string): Readonly<Record<string, ColumnRule>> {
  if (rules.size === 0) throw new Error('no module has said which columns are secret: import modules.ts')
  return rules.get(table) ?? {}
}
