// The product from its first start to its last signal, in separate processes.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { askForTokens, createBrowser, newAttempt } from '../../auth/oidc-client.ts'
import { bulkhead, type Ended, type Running, startBulkhead } from '../../cli/command-line.ts'
import { asSuperuser, createTestDatabase, type TestDatabase } from '../../support/database.ts'

/** A first start makes a database, migrates it and fills two shops: seconds, and many on a busy machine. */
const READY_WAIT_MS = 120_000
/** Two starts, and the requests to them. */
const TIMEOUT_MS = 300_000
const POLL_MS = 25

let directory: string
const started: Running[] = []

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-serve-'))
  await chmod(directory, 0o755) // under root, PostgreSQL's own user passes through
})
afterEach(async () => {
  for (const running of started.splice(0)) {
    running.process.kill('SIGTERM')
    await running.ended
  }
}, READY_WAIT_MS)
afterAll(() => rm(directory, { recursive: true, force: true }))

const settings = (env: Record<string, string>) => ({
  cwd: directory,
  env: { ...explicit(env), DATA_DIR: join(directory, 'data'), PORT: '0', METRICS_PORT: '0', ...env },
})
/** With a configured database NODE_ENV must be set. */
const explicit = (env: Record<string, string>): Record<string, string> =>
  env.DATABASE_URL === undefined ? {} : { NODE_ENV: 'development' }
const run = (args: string[], env: Record<string, string> = {}) => bulkhead(args, settings(env))

function serve(env: Record<string, string> = {}): Running {
  const running = startBulkhead(['serve'], settings(env))
  started.push(running)
  return running
}

/** Waits for the banner; returns the API's URL. */
async function ready({ said, ended }: Running): Promise<string> {
  const deadline = Date.now() + READY_WAIT_MS
  let over: Ended | undefined
  void ended.then((end) => {
    over = end
  })
  for (;;) {
    const url = /http:\S+\/graphql\b/.exec(said.stdout)?.[0]
    if (url !== undefined) return url
    if (over !== undefined || Date.now() > deadline) throw new Error(`not ready: ${said.stderr}`)
    await sleep(POLL_MS)
  }
}

async function tokenOf(email: string): Promise<string> {
  const { code, stdout, stderr } = await run(['token', '--tenant', 'acme', '--email', email])
  if (code !== 0) throw new Error(stderr)
  return stdout.trim()
}

async function ask(
  url: string,
  token: string,
  query: string,
  tenant?: string,
): Promise<{ status: number; body: unknown }> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  const response = await fetch(url, {
    method: 'POST',
    headers: tenant === undefined ? headers : { ...headers, 'bulkhead-tenant': tenant },
    body: JSON.stringify({ query }),
  })
  return { status: response.status, body: await response.json() }
}

async function postmasterPid(): Promise<number> {
  return Number.parseInt(await readFile(join(directory, 'data', 'postgres', 'postmaster.pid'), 'utf8'), 10)
}

/** A process that has ended but was not waited for (init does that) is not alive. */
async function isAlive(pid: number): Promise<boolean> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }))
  return stdout.trim() !== '' && !stdout.startsWith('Z')
}

async function stop(running: Running, signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
  running.process.kill(signal)
  return running.ended
}

describe('the server on its embedded database', { timeout: TIMEOUT_MS }, () => {
  it('starts from nothing, serves the demo tenants, and stops completely', async () => {
    const running = serve()
    const url = await ready(running)
    const token = await tokenOf('owner@acme.example')
    const { status, body } = await ask(
      url,
      token,
      '{ viewer { member { email role } tenant { slug } } products(first: 2) { nodes { id } } }',
    )
    expect(body).toMatchObject({
      data: {
        viewer: { member: { email: 'owner@acme.example', role: 'OWNER' }, tenant: { slug: 'acme' } },
        products: { nodes: [{}, {}] },
      },
    })
    expect(status).toBe(200)
    for (const path of ['healthz', 'readyz', 'graphiql', 'mailbox', 'mailbox/messages']) {
      expect((await fetch(new URL(path, url))).status).toBe(200)
    }

    const pid = await postmasterPid()
    const { code } = await stop(running)
    expect(code).toBe(0)
    expect(await isAlive(pid)).toBe(false)
  })

  it('says where it is, who may be asked for, and how', async () => {
    const running = serve()
    const url = await ready(running)
    const { stdout } = running.said
    expect(stdout).toContain(new URL('graphiql', url).href)
    expect(stdout).toContain(new URL('mailbox', url).href)
    expect(stdout).toMatch(/Metrics +http:\/\/127\.0\.0\.1:\d+\/metrics/)
    expect(stdout).toContain('npm run --silent bulkhead -- token --tenant acme --email owner@acme.example')
    const metrics = /http:\S+\/metrics/.exec(stdout)?.[0] ?? ''
    expect(await (await fetch(metrics)).text()).toContain('# TYPE ')
  })

  it('signs people in by its development issuer, and a token outlives a restart', async () => {
    const first = serve()
    const url = await ready(first)
    const { origin, port } = new URL(url)
    const client = { clientId: 'local', redirectUri: 'http://127.0.0.1:5173/callback' }
    const attempt = newAttempt(`${origin}/oidc`, client)
    const browser = createBrowser()
    const page = await browser.open(attempt.url, client.redirectUri)
    expect(page.text).toContain('value="owner@acme.example"')
    const body = new URLSearchParams({ email: 'owner@acme.example' })
    const back = await browser.open(page.url.href, client.redirectUri, { method: 'POST', body })
    const { access_token: token } = await askForTokens(`${origin}/oidc`, {
      grant_type: 'authorization_code',
      client_id: client.clientId,
      redirect_uri: client.redirectUri,
      code: back.url.searchParams.get('code') ?? '',
      code_verifier: attempt.verifier,
    })
    const query = '{ viewer { member { email } } }'
    const answer = { status: 200, body: { data: { viewer: { member: { email: 'owner@acme.example' } } } } }
    expect(await ask(url, token, query, 'acme')).toMatchObject(answer)
    expect((await ask(url, token, query, 'globex')).status).toBe(403)
    await stop(first)
    expect(first.said.stderr + first.said.stdout).not.toMatch(/oidc-provider WARNING/)

    expect(await ask(await ready(serve({ PORT: port })), token, query, 'acme')).toMatchObject(answer)
  })

  it('in production has neither a development issuer nor an explorer', async () => {
    const url = await ready(
      serve({
        NODE_ENV: 'production',
        ALLOW_EMBEDDED_IN_PRODUCTION: 'true',
        DATABASE_STRICT_VERSION: 'false',
        SECRETS_KEY: randomBytes(32).toString('base64'),
        AUTH_ISSUERS: JSON.stringify([
          { issuer: 'https://id.example.com', audience: 'bulkhead', algorithms: ['RS256'] },
        ]),
      }),
    )
    for (const path of [
      'graphiql',
      'graphiql/explorer.js',
      'oidc/.well-known/openid-configuration',
      'oidc/jwks',
    ]) {
      expect([path, (await fetch(new URL(path, url))).status]).toEqual([path, 404])
    }
    const token = await tokenOf('owner@acme.example')
    expect((await ask(url, token, '{ viewer { tenant { slug } } }')).status).toBe(401)
  })

  it('is used by the commands beside it, and refuses a tenant as soon as it is suspended', async () => {
    const url = await ready(serve())
    const token = await tokenOf('owner@acme.example')
    const query = '{ viewer { tenant { slug } } }'
    expect((await ask(url, token, query)).status).toBe(200)
    expect((await run(['tenant', 'suspend', 'acme'])).code).toBe(0)
    await expect.poll(async () => (await ask(url, token, query)).status).toBe(403)
    expect((await run(['tenant', 'resume', 'acme'])).code).toBe(0)
    await expect.poll(async () => (await ask(url, token, query)).status).toBe(200)
    expect((await run(['doctor'])).code).toBe(0)
    expect((await run(['migrate'])).stdout).toBe('The database is up to date.\n')
  })

  it('a second one on the same data says who has it', async () => {
    const running = serve()
    await ready(running)
    const { code, stdout, stderr } = await serve().ended
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain(
      `bulkhead: another Bulkhead (pid ${running.process.pid}) is running on ${join(directory, 'data')}.`,
    )
  })

  it('starts again after it was killed, and ends the database that was left running', async () => {
    const killed = serve()
    await ready(killed)
    const orphan = await postmasterPid()
    await stop(killed, 'SIGKILL')
    expect(await isAlive(orphan)).toBe(true)

    const url = await ready(serve())
    expect(await isAlive(orphan)).toBe(false)
    const { body } = await ask(url, await tokenOf('viewer@acme.example'), '{ viewer { member { email } } }')
    expect(body).toMatchObject({ data: { viewer: { member: { email: 'viewer@acme.example' } } } })
  })

  it('fails when its database ends unexpectedly', async () => {
    const running = serve()
    await ready(running)
    process.kill(await postmasterPid(), 'SIGQUIT')
    const { code, stderr } = await running.ended
    expect(code).toBe(1)
    expect(stderr).toContain('the embedded PostgreSQL ended unexpectedly')
  })

  it('case 47: answers the running request before it stops', async () => {
    const running = serve()
    const url = await ready(running)
    const body = JSON.stringify({ query: '{ orders(first: 50) { nodes { id } } }' })
    const asked = request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-length': body.length,
        authorization: `Bearer ${await tokenOf('owner@acme.example')}`,
      },
    })
    const answered = once(asked, 'response') as Promise<[IncomingMessage]>
    await new Promise((resolve) => asked.write(body.slice(0, 10), resolve)) // with the kernel, then
    running.process.kill('SIGTERM')
    await expect.poll(() => running.said.stderr).toContain('"stopping"')
    asked.end(body.slice(10))
    const [response] = await answered
    expect(response.statusCode).toBe(200)
    expect(JSON.parse(await text(response)).data.orders.nodes).toHaveLength(50)
    expect((await running.ended).code).toBe(0)
  })

  it('a stop during the start is clean', async () => {
    const running = serve()
    await expect.poll(postmasterPid, { interval: POLL_MS, timeout: READY_WAIT_MS }).toBeGreaterThan(0)
    const { code, stdout } = await stop(running, 'SIGINT')
    expect([code, stdout]).toEqual([0, ''])
  })

  it('names the port that is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const address = other.address()
    const port = typeof address === 'object' && address !== null ? String(address.port) : ''
    const { code, stderr } = await serve({ PORT: port }).ended
    other.close()
    expect(code).toBe(1)
    expect(stderr).toMatch(new RegExp(`^bulkhead: Something else listens on 127.0.0.1:${port}`, 'm'))
    expect(stderr).not.toContain('ended unexpectedly')
    await expect(postmasterPid()).rejects.toThrow('ENOENT')
  })
})

describe('the server on a database of one’s own', { timeout: TIMEOUT_MS }, () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.drop())

  it.each(['serve', 'worker'])('%s is no development by accident: NODE_ENV must be set', async (command) => {
    const env = { DATABASE_URL: database.runtimeUrl, DATABASE_WORKER_URL: database.workerUrl, NODE_ENV: '' }
    const { code, stdout, stderr } = await run([command], env)
    expect([code, stdout]).toEqual([78, ''])
    expect(stderr.trim().split('\n')).toEqual([
      'bulkhead: The configuration has a mistake:',
      expect.stringMatching(
        /^ {2}NODE_ENV: must be set beside DATABASE_URL: to production, or to development/,
      ),
    ])
  })

  it('serves with the runtime role alone, and seeds nothing', async () => {
    const running = serve({ DATABASE_URL: database.runtimeUrl })
    await ready(running)
    expect(running.said.stdout).not.toContain('acme')
    // Where it hears of changes of access.
    const feeds = () =>
      asSuperuser(database, async (client) => {
        const sql = `SELECT FROM pg_stat_activity
          WHERE datname = current_database() AND usename = $1 AND application_name = 'bulkhead access feed'`
        return (await client.query(sql, [new URL(database.runtimeUrl).username])).rowCount
      })
    await expect.poll(feeds).toBe(1)
  })

  it('case 1: refuses to start as the owner of the tables, naming it', async () => {
    const { code, stdout, stderr } = await serve({ DATABASE_URL: database.ownerUrl }).ended
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('The walls between tenants are not whole')
    expect(stderr).toContain('bulkhead_owner')
  })

  it('case 1: refuses to start as a superuser', async () => {
    const { code, stderr } = await serve({ DATABASE_URL: database.adminUrl }).ended
    expect(code).toBe(1)
    expect(stderr).toMatch(/role postgres: is SUPERUSER/)
  })
})
