// Prepares the peers: installs their packages, and generates what `typical` needs. Uses only Node's own modules.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'

const HERE = import.meta.dirname
const INSTALLED = join(HERE, 'node_modules/.package-lock.json')
const LOCK = join(HERE, 'package-lock.json')
const MODELS = join(HERE, '../prisma/schema')
const SCHEMA = join(HERE, '.data/generated/schema')
const GENERATED = join(HERE, '.data/generated/pothos.ts')
/** The product's generators; the peer has others. */
const GENERATORS = 'base.prisma'

/** Installs and generates what is missing or older than its sources. */
export function preparePeers(): void {
  if (!isNewer(INSTALLED, [LOCK])) {
    process.stderr.write("installing the peers' packages …\n")
    run('npm', ['ci', '--no-audit', '--no-fund'])
  }
  const models = readdirSync(MODELS, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.prisma') && name !== GENERATORS,
  )
  const sources = [
    ...models.map((name) => join(MODELS, name)),
    join(HERE, 'peers/generators.prisma'),
    INSTALLED,
  ]
  if (isNewer(GENERATED, sources)) return
  rmSync(SCHEMA, { recursive: true, force: true })
  mkdirSync(SCHEMA, { recursive: true })
  for (const name of models) copyFileSync(join(MODELS, name), join(SCHEMA, basename(name)))
  copyFileSync(join(HERE, 'peers/generators.prisma'), join(SCHEMA, GENERATORS))
  run(process.execPath, [join(HERE, 'node_modules/prisma/build/index.js'), 'generate'])
}

function isNewer(file: string, sources: readonly string[]): boolean {
  if (!existsSync(file)) return false
  const madeAtMs = statSync(file).mtimeMs
  return sources.every((source) => statSync(source).mtimeMs <= madeAtMs)
}

function run(command: string, args: readonly string[]): void {
  const PATH = [join(HERE, 'node_modules/.bin'), process.env.PATH ?? ''].join(delimiter)
  // On some systems npm is a shell script.
  const shell = process.platform === 'win32' && command === 'npm'
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: HERE,
    env: { ...process.env, PATH },
    shell,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`)
}
