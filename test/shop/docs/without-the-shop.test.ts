// A project made by `bulkhead new --without shop`: it compiles with its tests, its wall tests pass, it starts on its
// own PostgreSQL, and it creates, exports, restores and erases tenants.
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newProject } from '../../../src/cli/new-project.ts'
import { bulkheadIn, type Running } from '../../cli/command-line.ts'
import { ROOT } from './shell-walk.ts'

const TIMEOUT_MS = 600_000
const POLL_MS = 50
const OUTPUT_MAX = 16 * 1_048_576
/** The characters of the tests' output shown on failure. */
const SHOWN = 4_000
/** The tests that cover most in a short time; running all takes several minutes. */
const PROOFS = [
  'test/walls/sql-matrix',
  'test/walls/tenant-client',
  'test/walls/write-wall',
  'test/walls/every-field.test',
  'test/db/scoped-pool',
  'test/db/pool-faults',
  'test/commands/run-command',
  'test/graphql',
  'test/architecture',
]

let copy: string
let server: Running | null = null
beforeAll(async () => {
  copy = join(await mkdtemp(join(tmpdir(), 'bulkhead-without-the-shop-')), 'clinic')
  await newProject(copy, { withoutShop: true })
  await chmod(dirname(copy), 0o755) // under root, PostgreSQL's own user passes through
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  await program('prisma', 'generate')
}, TIMEOUT_MS)
afterAll(async () => {
  server?.process.kill('SIGTERM')
  await server?.ended
  await rm(dirname(copy), { recursive: true, force: true })
})

const program = (name: string, ...args: string[]) =>
  promisify(execFile)(join(ROOT, 'node_modules/.bin', name), args, {
    cwd: copy,
    // Without the variables of this test run.
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' },
    maxBuffer: OUTPUT_MAX,
  })

const command = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await bulkheadIn(copy, args, settings()).ended
  // Only `token` has something to say beside its answer: when the token expires.
  const noted = stderr.replace(/^This token expires at .*\n$/, '')
  expect([code, noted], args.join(' ')).toEqual([0, ''])
  return stdout
}
const settings = () => ({ cwd: copy, env: { PORT: '0', METRICS_PORT: '0' } })

/** Waits for the banner; returns the API's URL. */
async function serve(): Promise<string> {
  const running = bulkheadIn(copy, ['serve'], settings())
  server = running
  let isOver = false
  void running.ended.then(() => {
    isOver = true
  })
  for (;;) {
    const url = /http:\S+\/graphql\b/.exec(running.said.stdout)?.[0]
    if (url !== undefined) return url
    if (isOver) throw new Error(`it did not start:\n${running.said.stderr}`)
    await sleep(POLL_MS)
  }
}

async function ask(url: string, token: string, query: string): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) })
  const { data, errors } = (await response.json()) as { data: Record<string, unknown>; errors?: unknown }
  expect(errors, query).toBeUndefined()
  return data
}

it('compiles, with its tests', () => program('tsc'), TIMEOUT_MS)

it('has no code or dependency that its own checks call dead', () => program('knip'), TIMEOUT_MS)

it(
  'keeps its walls',
  async () => {
    const { stdout } = await program('vitest', 'run', ...PROOFS).catch((error: { stdout: string }) => error)
    expect(stdout.slice(-SHOWN)).toMatch(/\n\d+ passed, 0 failed\n$/)
  },
  TIMEOUT_MS,
)

it(
  'starts, and serves a tenant that was created',
  async () => {
    const url = await serve()
    expect(JSON.parse(await command('doctor', '--json'))).toEqual({ findings: expect.any(Array) })
    const named = ['--slug', 'clinic', '--name', 'Clinic', '--currency', 'EUR']
    await command('tenant', 'create', ...named, '--owner-email', 'owner@clinic.example')
    const token = (await command('token', '--tenant', 'clinic', '--email', 'owner@clinic.example')).trim()
    const asked = await ask(url, token, '{ viewer { tenant { name } } members { nodes { email } } }')
    expect(asked).toEqual({
      viewer: { tenant: { name: 'Clinic' } },
      members: { nodes: [{ email: 'owner@clinic.example' }] },
    })
    const written = await ask(
      url,
      token,
      `mutation {
        memberInvite(input: { idempotencyKey: "1", email: "kim@clinic.example", role: VIEWER }) { userErrors { code } }
        apiKeyCreate(input: { name: "reports", permissions: ["members:read"] }) { secret userErrors { code } }
      }`,
    )
    expect(written).toMatchObject({ memberInvite: { userErrors: [] }, apiKeyCreate: { userErrors: [] } })
    const { secret } = written.apiKeyCreate as { secret: string }
    expect(await ask(url, secret, '{ members { totalCount } }')).toEqual({ members: { totalCount: 1 } })
    const audit = await ask(url, token, '{ auditEntries { nodes { action } } integrity { ok } }')
    expect(audit).toMatchObject({ integrity: { ok: true } })
  },
  TIMEOUT_MS,
)

it(
  'moves a tenant in a file, and ends it',
  async () => {
    const file = join(copy, 'clinic.gz')
    await command('tenant', 'export', 'clinic', '--out', file)
    await command('tenant', 'restore', file, '--slug', 'branch')
    expect(JSON.parse(await command('verify', '--json'))).toMatchObject({ ok: true })
    await command('tenant', 'erase', 'branch', '--now', '--confirm', 'branch')
    expect(JSON.parse(await command('tenant', 'list', '--json'))).toMatchObject({
      tenants: [{ slug: 'clinic' }],
    })
  },
  TIMEOUT_MS,
)
