// Deletes the shop in a copy of the project, with its line in modules.ts. The rest compiles, starts on its own
// PostgreSQL, keeps its walls, and makes, exports, restores and erases tenants.
import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bulkheadIn, type Running } from '../cli/command-line.ts'
import { ROOT } from './shell-walk.ts'

const TIMEOUT_MS = 600_000
const POLL_MS = 50

let copy: string
let server: Running | null = null
beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'bulkhead-without-the-shop-'))
  await chmod(copy, 0o755) // under root, PostgreSQL's own user passes through
  const listed = execFileSync('git', ['ls-files', '-z', 'src', 'prisma', '*.json', '*.ts'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  for (const path of listed.split('\0')) {
    if (path !== '' && existsSync(join(ROOT, path))) await cp(join(ROOT, path), join(copy, path))
  }
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
}, TIMEOUT_MS)
afterAll(async () => {
  server?.process.kill('SIGTERM')
  await server?.ended
  await rm(copy, { recursive: true, force: true })
})

const program = (name: string, ...args: string[]) =>
  promisify(execFile)(join(ROOT, 'node_modules/.bin', name), args, { cwd: copy })

async function leaveOut(): Promise<void> {
  await rm(join(copy, 'src/shop'), { recursive: true })
  for (const folder of ['prisma/schema', 'prisma/migrations']) {
    for (const name of await readdir(join(copy, folder))) {
      if (SHOPS.test(name)) await rm(join(copy, folder, name), { recursive: true })
    }
  }
  const modules = join(copy, 'src/modules.ts')
  const lines = (await readFile(modules, 'utf8')).split('\n')
  const left = lines.filter((line) => !line.includes('./shop/')).join('\n')
  await writeFile(modules, left.replace('[desk, shop]', '[desk]'))
}

/** The shop's schema files and migrations. */
const SHOPS = /^(shop|(catalogue|customers|ledger|orders|payments)\.prisma|\d+_shop_.*)$/

const command = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await bulkheadIn(copy, args, settings()).ended
  expect([code, stderr], args.join(' ')).toEqual([0, ''])
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

it(
  'compiles, starts, and keeps whole walls',
  async () => {
    await leaveOut()
    await program('prisma', 'generate')
    await program('tsc', '-p', 'tsconfig.build.json', '--noEmit')
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
