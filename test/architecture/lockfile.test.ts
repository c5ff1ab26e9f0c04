// The lock file names every package that any platform installs: with one missing, `npm ci` refuses on all of them.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

interface LockedPackage {
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

const lock: { packages: Record<string, LockedPackage> } = JSON.parse(
  readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'),
)

/** Whether `name` is found from the package at `path`, by Node's resolution. */
function isLocked(name: string, path: string): boolean {
  if (lock.packages[`${path ? `${path}/` : ''}node_modules/${name}`]) return true
  if (path === '') return false
  return isLocked(name, path.slice(0, Math.max(0, path.lastIndexOf('/node_modules/'))))
}

it('package-lock.json is whole, also for the platforms of others', () => {
  const missing = Object.entries(lock.packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !isLocked(name, path))
      .map((name) => `${name}, of ${path}`),
  )
  expect(missing).toEqual([])
})
