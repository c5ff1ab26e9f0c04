// Columns that change in a restored tenant, declared by the modules, so that nothing in it acts for the original
// tenant.

export type ColumnRule = {
  /** A secret: null in every export. */
  readonly hidden?: true
  /** The restored value: SQL over the exported row `r`; `$3` is the requested name, or null. */
  readonly restored: string
}

/** By table and column. */
export type ColumnRules = Readonly<Record<string, Readonly<Record<string, ColumnRule>>>>

const rules = new Map<string, Readonly<Record<string, ColumnRule>>>()

export function addColumnRules(more: ColumnRules): void {
  for (const [table, columns] of Object.entries(more)) rules.set(table, columns)
}

/** Throws a plain Error when no module was loaded, since secrets would then be exported. */
export function columnRulesOf(table: string): Readonly<Record<string, ColumnRule>> {
  if (rules.size === 0) throw new Error('no module has declared its secret columns: import modules.ts')
  return rules.get(table) ?? {}
}
