// Tables whose rows are written once, declared by the modules: neither UPDATE nor DELETE is granted, which the doctor checks.

const tables = new Set<string>()

/** Names without a schema: `postings`. */
export function addAppendOnly(names: readonly string[]): void {
  for (const name of names) tables.add(name)
}

/** Schema-qualified, as the catalogue prints them: `public.postings`. */
export function appendOnlyTables(): readonly string[] {
  return [...tables].map((name) => `public.${name}`)
}
