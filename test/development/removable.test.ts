// The product without src/development: it compiles, and runs in production.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bulkheadIn, type Running } from '../cli/command-line.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** What the program consists of, generated files included. */
const FILES = ['src', 'prisma', 'package.json', 'tsconfig.json', 'tsconfig.build.json']
/** The compiler takes ten seconds on a busy machine. */
const TIMEOUT_MS = 120_000

let copy: string
let database: TestDatabase
let server: Running | null = null
beforeAll(async () => {
  database = await createTestDatabase()
  copy = await mkdtemp(join(tmpdir(), 'bulkhead-without-development-'))
  for (const file of FILES) await cp(join(ROOT, file), join(copy, file), { recursive: true })
  await rm(join(copy, 'src/development'), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
}, TIMEOUT_MS)
afterAll(async () => {
  server?.process.kill('SIGTERM')
  await server?.ended
  await rm(copy, { recursive: true, force: true })
  await database?.drop()
})

const run = (args: string[], env: Record<string, string>): Running =>
  bulkheadIn(copy, args, { cwd: copy, env: { DATA_DIR: join(copy, 'data'), ...env } })

const production = (): Record<string, string> => ({
  NODE_ENV: 'production',
  PORT: '0',
  METRICS_PORT: '0',
  DATABASE_URL: database.runtimeUrl,
  DATABASE_STRICT_VERSION: 'false',
  SECRETS_KEY: randomBytes(32).toString('base64'),
  AUTH_ISSUERS: JSON.stringify([
    { issuer: 'https://id.example.com', audience: 'bulkhead', algorithms: ['RS256'] },
  ]),
})

it(
  'compiles',
  async () => {
    const compiler = join(ROOT, 'node_modules/.bin/tsc')
    const compiling = promisify(execFile)(compiler, ['-p', 'tsconfig.build.json', '--noEmit'], { cwd: copy })
    expect((await compiling).stdout).toBe('')
  },
  TIMEOUT_MS,
)

it(
  'serves in production',
  async () => {
    server = run(['serve'], production())
    const { said } = server
    await expect.poll(() => said.stdout, { timeout: TIMEOUT_MS }).toMatch(/http:\S+\/graphql\b/)
    const url = /http:\S+\/graphql\b/.exec(said.stdout)?.[0] ?? ''
    expect((await fetch(new URL('/graphiql', url))).status).toBe(404)
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ query: '{ viewer { tenant { slug } } }' })
    expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(401)
  },
  TIMEOUT_MS,
)

it('does not start in development', async () => {
  const { code, stderr } = await run(['token', '--tenant', 'acme', '--email', 'a@b.example'], {}).ended
  expect([code, stderr]).toEqual([1, expect.stringMatching(/src\/development/)])
})
