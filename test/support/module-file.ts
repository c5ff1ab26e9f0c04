// Owns: finding what a module's tests say of it: `test/<module>/<name>`.
import { existsSync } from 'node:fs'

/** The file's exports; undefined: the module's tests have no such file. */
export async function moduleFile(module: string, name: string): Promise<Record<string, unknown> | undefined> {
  const url = new URL(`../${module}/${name}`, import.meta.url)
  return existsSync(url) ? ((await import(url.href)) as Record<string, unknown>) : undefined
}
