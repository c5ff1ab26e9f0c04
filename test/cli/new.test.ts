// `bulkhead new`: a project with and without the shop, and its errors. test/shop/docs/without-the-shop.test.ts runs the one
// without the shop.
import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bulkhead } from './command-line.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const USAGE = /^Usage: bulkhead \[options\]/
const COMPILE_TIMEOUT_MS = 300_000

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-new-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const run = (...args: string[]) => bulkhead(['new', ...args], { cwd: directory, env: {} })
const isThere = (name: string, path: string) => existsSync(join(directory, name, path))
const nameIn = async (file: string) => JSON.parse(await readFile(join(directory, file), 'utf8')).name

async function compile(project: string): Promise<void> {
  const cwd = join(directory, project)
  await symlink(join(ROOT, 'node_modules'), join(cwd, 'node_modules'))
  for (const program of [['prisma', 'generate'], ['tsc']] as const) {
    const [name, ...args] = program
    await promisify(execFile)(join(ROOT, 'node_modules/.bin', name), args, { cwd })
  }
}

it(
  'writes the whole product under the folder’s name, and nothing that is made',
  async () => {
    const { code, stdout, stderr } = await run('My Market')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('Made my-market. Next: cd ')
    for (const file of ['package.json', 'package-lock.json'])
      expect(await nameIn(join('My Market', file))).toBe('my-market')
    for (const path of ['node_modules', 'src/generated', '.git', '.data', '.env', 'dist'])
      expect(isThere('My Market', path), path).toBe(false)
    await compile('My Market')
    const misformatted = join(directory, 'My Market/src/cli/misformatted.ts')
    await writeFile(misformatted, 'export const  a = "b";')
    await inShell('My Market', 'npm', 'run', 'fix')
    expect(await readFile(misformatted, 'utf8')).toBe("export const a = 'b'\n")
    expect(await inShell('My Market', 'npx', 'bulkhead', '--help')).toMatch(USAGE)
  },
  COMPILE_TIMEOUT_MS,
)

/** Runs a program in the project by the shell's own Node, which may be older than the project's. */
async function inShell(project: string, name: string, ...args: readonly string[]): Promise<string> {
  const path = (process.env.PATH ?? '').split(':').filter((folder) => !folder.includes('node_modules'))
  const env = { ...process.env, PATH: path.join(':') }
  return (await promisify(execFile)(name, args, { cwd: join(directory, project), env })).stdout
}

it('npx bulkhead is the command line of the checkout', async () => {
  expect(await inShell(relative(directory, ROOT), 'npx', 'bulkhead', '--help')).toMatch(USAGE)
})

it.runIf(existsSync(join(ROOT, '.git')))('writes every file that is committed, and no other', async () => {
  expect((await run('all')).code).toBe(0)
  const committed = execFileSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n')
  const written = await readdir(join(directory, 'all'), { recursive: true, withFileTypes: true })
  const paths = written.flatMap((entry) =>
    entry.isFile() ? [relative(join(directory, 'all'), join(entry.parentPath, entry.name))] : [],
  )
  expect(paths.toSorted()).toEqual(committed.filter((path) => existsSync(join(ROOT, path))).toSorted())
})

it.runIf(existsSync(join(ROOT, 'src/shop')))(
  'leaves the shop out when asked, with a readme that tells of none',
  async () => {
    await mkdir(join(directory, 'clinic'))
    const { code, stdout, stderr } = await run('clinic', '--without', 'shop', '--json')
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toEqual({ directory: join(directory, 'clinic'), name: 'clinic' })
    for (const path of ['src/shop', 'test/shop', 'bench', 'prisma/schema/shop', 'schema.graphql'])
      expect(isThere('clinic', path), path).toBe(false)
    const migrations = await readdir(join(directory, 'clinic/prisma/migrations'))
    expect(migrations.filter((name) => name.includes('shop'))).toEqual([])
    const text = (path: string) => readFile(join(directory, 'clinic', path), 'utf8')
    expect(await text('prisma/migrations/schema.snapshot.prisma')).not.toContain('model Order ')
    expect(await text('src/modules.ts')).toContain('[desk]')
    expect(await text('README.md')).toMatch(/^# clinic\n/)
    await compile('clinic')
  },
  COMPILE_TIMEOUT_MS,
)

it('refuses a folder that has anything in it, in one line, and writes nothing', async () => {
  await mkdir(join(directory, 'full'))
  await writeFile(join(directory, 'full/mine.txt'), 'mine')
  const { code, stdout, stderr } = await run('full')
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toBe(`bulkhead: ${join(directory, 'full')} is not empty: name an empty or a new folder.\n`)
  expect(await readdir(join(directory, 'full'))).toEqual(['mine.txt'])
})

it.each([
  ['a file', ['full/mine.txt'], /mine\.txt is a file\.\n$/],
  ['a folder whose name has no letters', ['...'], /A project cannot be named after the folder "\.\.\."\.\n$/],
  ['a module that may not be left out', ['other', '--without', 'desk'], /Allowed choices are shop\.\n$/],
])('refuses %s', async (_what, args, complaint) => {
  const { code, stderr } = await run(...args)
  expect(code).toBe(1)
  expect(stderr).toMatch(complaint)
  expect(isThere('other', '.')).toBe(false)
})
