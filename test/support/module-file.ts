// Finds a module's file for the tests: `test/<module>/<name>`.
import { existsSync } from 'node:fs'

/** The file's exports; undefined if the module has no such file. */
export async function moduleFile(module: string, name: string): Promise<Record<string, unknown> | undefined> {
  const url = new URL(`../${module}/${name}`, import.meta.url)
  return existsSync(url) ? ((await import(url.href)) as Record<string, unknown>) : undefined
}
