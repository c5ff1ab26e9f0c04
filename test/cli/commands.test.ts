// The commands beside the server, each in a separate process, on an embedded database without a server.
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { developmentIssuer } from '../../src/auth/token-issuer.ts'
import { createTokenVerifier } from '../../src/auth/verify-token.ts'
import { program } from '../../src/cli/program.ts'
import { systemClock } from '../../src/core/clock.ts'
import { createLogger } from '../../src/core/logger.ts'
import { connectOwner } from '../../src/db/owner.ts'
import { developmentSecret } from '../../src/development/secret.ts'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { bulkhead } from './command-line.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-cli-'))
  await chmod(directory, 0o755) // under root, PostgreSQL's own user passes through
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const run = (args: string[], env: Record<string, string> = {}) =>
  bulkhead(args, { cwd: directory, env: { DATA_DIR: join(directory, 'data'), ...env } })

/** With its subcommands, by full name: from the program itself, so that a new one is covered. */
function everyCommand(command: Command, within = ''): [string, Command][] {
  const name = `${within}${command.name()}`
  return [[name, command], ...command.commands.flatMap((one) => everyCommand(one, `${name} `))]
}

describe('every command', () => {
  it.each(everyCommand(program()))('%s has help, under its whole name', (name, command) => {
    expect(command.description()).not.toBe('')
    expect(command.helpInformation().startsWith(`Usage: ${name} `)).toBe(true)
  })

  it.each(['', 'tenant restore'])('bulkhead %s shows it for --help', async (command) => {
    const { code, stdout } = await run([...command.split(' ').filter(Boolean), '--help'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Usage: bulkhead/)
  })

  it('reports the errors of the configuration, and fails with its own exit code', async () => {
    const { code, stdout, stderr } = await run(['migrate'], { PORT: 'x', LOG_LEVEL: 'loud' })
    expect([code, stdout]).toEqual([78, ''])
    expect(stderr.trim().split('\n')).toEqual([
      'bulkhead: The configuration has 2 mistakes:',
      '  PORT: must be a whole number from 0 to 65535, not "x"',
      '  LOG_LEVEL: must be trace, debug, info, warn, error, fatal or silent, not "loud"',
    ])
  })

  it('fails on words that it does not know', async () => {
    const { code, stdout, stderr } = await run(['sreve'])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain("unknown command 'sreve'")
  })
})

describe('token', () => {
  const dataDir = () => join(directory, 'token-data')
  const token = (args: string[], env = {}) =>
    run(['token', '--tenant', 'acme', '--force', ...args], { DATA_DIR: dataDir(), ...env })

  it('prints a token that the server accepts, and nothing else, and says when it expires', async () => {
    const { code, stdout, stderr } = await token(['--email', 'Owner@acme.example', '--expires', '30m'])
    expect(code).toBe(0)
    const [, expiresAt = ''] = /^This token expires at (\S+) \(30m\)\.\n$/.exec(stderr) ?? []
    expect(stdout).toMatch(/^[\w.-]+\n$/)
    const verifier = createTokenVerifier({
      issuers: [],
      development: developmentIssuer(await developmentSecret(dataDir(), 'development-secret')),
      clock: systemClock,
      logger: createLogger('silent'),
    })
    const claims = await verifier.verify(stdout.trim())
    expect(claims).toMatchObject({ tenant: 'acme', email: 'owner@acme.example' })
    expect(claims.isSupport).toBe(false)
    // Tokens have whole seconds.
    expect(Math.abs(claims.expiresAt.getTime() - Date.parse(expiresAt))).toBeLessThanOrEqual(1_000)
    const livesMs = claims.expiresAt.getTime() - Date.now()
    expect(livesMs).toBeGreaterThan(29 * 60_000)
    expect(livesMs).toBeLessThanOrEqual(30 * 60_000)
  })

  it('is for platform staff with --support', async () => {
    const { stdout } = await token(['--email', 'sam@platform.example', '--support'])
    const [, payload = ''] = stdout.split('.')
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
      tenant: 'acme',
      email: 'sam@platform.example',
      support: true,
    })
  })

  it('stores the secret readable only by its owner, and keeps it', async () => {
    const path = join(dataDir(), 'development-secret')
    const before = await readFile(path, 'utf8')
    await token(['--email', 'owner@acme.example'])
    expect(await readFile(path, 'utf8')).toBe(before)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(dataDir())).mode & 0o077).toBe(0)
  })

  it('uses one secret when several processes start at once', async () => {
    const fresh = join(directory, 'race-data')
    const secrets = await Promise.all(
      Array.from({ length: 20 }, () => developmentSecret(fresh, 'development-secret')),
    )
    expect(new Set(secrets.map((secret) => Buffer.from(secret).toString('hex'))).size).toBe(1)
  })

  it.each([
    [['--email', 'nobody'], 'not an e-mail address'],
    [['--email', 'a@b.example', '--expires', '1y'], 'is not a duration'],
    [['--email', 'a@b.example', '--tenant', 'No Slug'], 'A slug is'],
    [[], '--email'],
  ])('refuses %j in one line', async (args, message) => {
    const { code, stdout, stderr } = await token(args)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(message)])
  })

  it('refuses in production', async () => {
    const production = await productionSettings()
    const { code, stdout, stderr } = await token(['--email', 'owner@acme.example'], production)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toBe('bulkhead: there are no development tokens in production\n')
  })
})

async function productionSettings(): Promise<Record<string, string>> {
  const issuer = {
    issuer: 'https://id.example.com',
    jwksUri: 'https://id.example.com/jwks.json',
    audience: 'bulkhead',
    algorithms: ['RS256'],
    tenantClaim: 'tenant',
  }
  return {
    NODE_ENV: 'production',
    SECRETS_KEY: Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64'),
    AUTH_ISSUERS: JSON.stringify([issuer]),
    ALLOW_EMBEDDED_IN_PRODUCTION: 'true',
    DATABASE_STRICT_VERSION: 'false',
  }
}

describe('on an embedded database that does not run', () => {
  it('migrate makes it, brings it up to date and stops it', async () => {
    const first = await run(['migrate', '--json'])
    expect([first.code, first.stderr]).toEqual([0, ''])
    expect(JSON.parse(first.stdout).applied.length).toBeGreaterThan(1)
    const second = await run(['migrate'])
    expect([second.code, second.stdout]).toEqual([0, 'The database is up to date.\n'])
    await expect(stat(join(directory, 'data', 'postgres', 'postmaster.pid'))).rejects.toThrow('ENOENT')
  })

  it('doctor finds no problem', async () => {
    const { code, stdout } = await run(['doctor', '--json'])
    const { findings } = JSON.parse(stdout)
    expect(findings.filter((finding: { level: string }) => finding.level === 'error')).toEqual([])
    expect(code).toBe(0)
  })

  it('seed refuses in production', async () => {
    const { code, stderr } = await run(['seed'], await productionSettings())
    expect([code, stderr]).toEqual([1, 'bulkhead: there is no demo data in production\n'])
  })
})

describe('on a database of one’s own', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.drop())

  const tenant = (...args: string[]) =>
    run(['tenant', ...args], { DATABASE_URL: database.runtimeUrl, DATABASE_OWNER_URL: database.ownerUrl })
  const CREATE = 'create --currency SEK --owner-email Ada@north.example --json'.split(' ')
  const create = (slug: string) =>
    tenant(
      ...CREATE,
      '--slug',
      slug,
      '--name',
      'North Shop',
      '--time-zone',
      'Europe/Stockholm',
      '--locale',
      'sv-se',
    )

  it.each([
    ['seed'],
    ['token', '--tenant', 'acme', '--email', 'owner@acme.example'],
    ['verify'],
    ['secrets', 'reseal'],
    ['tenant', 'export', 'north', '--out', 'north.jsonl'],
  ])('%s %s is not done in a development that nobody asked for', async (...args) => {
    const urls = { DATABASE_URL: database.runtimeUrl, DATABASE_OWNER_URL: database.ownerUrl }
    const { code, stdout, stderr } = await run(args, urls)
    expect([code, stdout]).toEqual([78, ''])
    expect(stderr).toMatch(/NODE_ENV: must be set beside DATABASE_URL/)
  })

  it('tenant create makes the tenant and its owner at once', async () => {
    const { code, stdout, stderr } = await create('north')
    expect([code, stderr]).toEqual([0, ''])
    const { id } = JSON.parse(stdout)
    const owner = await connectOwner(database.ownerUrl)
    const made = await owner.inTenant(id, (query) =>
      query(`SELECT t.name, t.currency, t.time_zone, t.locale, m.email, m.role, a.action, a.actor_kind
             FROM tenants t JOIN members m USING (tenant_id) JOIN audit_entries a USING (tenant_id)`),
    )
    await owner.end()
    expect(made).toEqual([
      {
        name: 'North Shop',
        currency: 'SEK',
        time_zone: 'Europe/Stockholm',
        locale: 'sv-SE',
        email: 'ada@north.example',
        role: 'OWNER',
        action: 'tenantCreate',
        actor_kind: 'SYSTEM',
      },
    ])
  })

  it('tenant create refuses a slug that is taken, and leaves nothing behind', async () => {
    const { code, stdout, stderr } = await create('north')
    expect([code, stdout, stderr]).toEqual([1, '', 'bulkhead: there is already a tenant "north"\n'])
    const { tenants } = JSON.parse((await tenant('list', '--json')).stdout)
    expect(tenants).toHaveLength(1)
  })

  it.each([
    [['--currency', 'ABC'], 'ISO 4217'],
    [['--slug', 'North'], 'A slug is'],
    [['--name', ' '], 'A name has'],
    [['--time-zone', 'CEST+2'], 'A time zone is'],
    [['--locale', 'de_AT'], 'A language is'],
  ])('tenant create refuses %j', async (args, message) => {
    const valid = ['--slug', 'a', '--name', 'A', '--currency', 'EUR', '--owner-email', 'a@a.example']
    const { code, stderr } = await tenant('create', ...valid, ...args)
    expect(code).toBe(1)
    expect(stderr).toContain(message)
  })

  describe('token', () => {
    const token = (...args: string[]) =>
      run(['token', ...args], {
        NODE_ENV: 'development',
        DATABASE_URL: database.runtimeUrl,
        DATA_DIR: join(directory, 'token-data'),
      })
    const TO = 'With --force the token is made all the same.'

    it('is made of a member', async () => {
      const { code, stdout } = await token('--tenant', 'north', '--email', 'ADA@north.example')
      expect([code, stdout]).toEqual([0, expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+\n$/)])
    })

    it.each([
      [
        ['--tenant', 'nowhere', '--email', 'ada@north.example'],
        `There is no tenant "nowhere": see bulkhead tenant list. ${TO}`,
      ],
      [
        ['--tenant', 'nowhere', '--email', 'sam@platform.example', '--support'],
        'There is no tenant "nowhere"',
      ],
      [
        ['--tenant', 'north', '--email', 'eve@north.example'],
        `eve@north.example is neither a member of north nor invited there: see bulkhead tenant members north. ${TO}`,
      ],
    ])('is refused for %j, unless forced', async (args, message) => {
      const { code, stdout, stderr } = await token(...args)
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(message)])
      expect((await token(...args, '--force')).code).toBe(0)
    })

    it('is made of an invited person, and of platform staff', async () => {
      const owner = await connectOwner(database.ownerUrl)
      const [{ id } = { id: '' }] = await owner.query<{ id: string }>('SELECT id FROM app.tenant_directory')
      await owner.inTenant(id, (query) =>
        query(
          `INSERT INTO invitations (id, email, role, invited_by, token_hash, expires_at)
           VALUES (gen_random_uuid(), 'kim@people.example', 'STAFF', 'a test', sha256('x'), now() + interval '1 day')`,
        ),
      )
      await owner.end()
      expect((await token('--tenant', 'north', '--email', 'kim@people.example')).code).toBe(0)
      const support = ['--email', 'sam@platform.example', '--support']
      expect((await token('--tenant', 'north', ...support)).code).toBe(0)
    })
  })

  it('tenant suspend and resume change the status, once, and are audited', async () => {
    expect((await tenant('suspend', '--slug', 'north')).stdout).toBe('The tenant north is suspended.\n')
    expect((await tenant('suspend', 'north')).stdout).toBe('The tenant north is suspended.\n')
    expect((await tenant('list')).stdout).toMatch(/^north {2}SUSPENDED {2}since \d{4}-\d\d-\d\d\n$/)
    const { status, id } = JSON.parse((await tenant('resume', 'north', '--json')).stdout)
    expect(status).toBe('ACTIVE')
    const owner = await connectOwner(database.ownerUrl)
    const actions = await owner.inTenant(id, (query) =>
      query('SELECT action FROM audit_entries ORDER BY created_at, id'),
    )
    await owner.end()
    expect(actions.map(({ action }) => action)).toEqual(['tenantCreate', 'tenantSuspend', 'tenantResume'])
  })

  it('tenant suspend fails for an unknown tenant', async () => {
    const { code, stderr } = await tenant('suspend', 'nowhere')
    expect([code, stderr]).toEqual([1, 'bulkhead: there is no tenant "nowhere"\n'])
  })

  it('the owner’s commands ask for the owner', async () => {
    const { code, stderr } = await run(['tenant', 'list'], { DATABASE_URL: database.runtimeUrl })
    expect(code).toBe(1)
    expect(stderr).toContain('set DATABASE_OWNER_URL')
  })

  it('a database that does not answer is one line', async () => {
    const url = 'postgresql://somebody:secret-word@127.0.0.1:1/nothing'
    for (const command of [['migrate'], ['tenant', 'list'], ['doctor']]) {
      const { code, stderr } = await run(command, { DATABASE_URL: url, DATABASE_OWNER_URL: url })
      expect(code).toBe(1)
      expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(/^bulkhead: .*ECONNREFUSED/)])
      expect(stderr).not.toContain('secret-word')
    }
  })
})

describe('on a database that is older than the program, or not whole', () => {
  const COMMANDS = [
    ['tenant', 'create', '--slug', 'a', '--name', 'A', '--currency', 'EUR', '--owner-email', 'a@a.example'],
    ['tenant', 'list'],
    ['tenant', 'show', 'a'],
    ['tenant', 'members', 'a'],
    ['tenant', 'suspend', 'a'],
    ['tenant', 'export', 'a', '--out', 'a.jsonl'],
    ['tenant', 'retained', 'a'],
    ['tenant', 'erase', 'a', '--confirm', 'a', '--now'],
    ['token', '--tenant', 'a', '--email', 'a@a.example'],
    ['verify'],
    ['secrets', 'reseal'],
    ['jobs', 'list'],
  ]
  const settings = ({ runtimeUrl, ownerUrl, workerUrl }: TestDatabase) => ({
    NODE_ENV: 'development',
    DATABASE_URL: runtimeUrl,
    DATABASE_OWNER_URL: ownerUrl,
    DATABASE_WORKER_URL: workerUrl,
    DATA_DIR: join(directory, 'missing-data'),
  })
  const ADVICE = 'Run bulkhead migrate; if that changes nothing, see bulkhead doctor.'

  let empty: TestDatabase
  beforeAll(async () => {
    empty = await createEmptyDatabase()
  })
  afterAll(() => empty?.drop())

  it.each(COMMANDS)('%s %s names what is missing where nothing is set up', async (...args) => {
    const { code, stdout, stderr } = await run(args, settings(empty))
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(
        /^bulkhead: The database lacks what this release needs: .*"?(app|graphile_worker)\b.* does not exist\. /,
      ),
    ])
    expect(stderr.trim().endsWith(ADVICE)).toBe(true)
  })

  it('tenant create names the one relation that is missing', async () => {
    const database = await createTestDatabase()
    try {
      const owner = await connectOwner(database.ownerUrl)
      await owner.query('ALTER TABLE members RENAME TO former_members')
      await owner.end()
      const { code, stderr } = await run(COMMANDS[0] ?? [], settings(database))
      expect(code).toBe(1)
      expect(stderr).toContain('relation "members" does not exist')
      expect(stderr).toContain(ADVICE)
    } finally {
      await database.drop()
    }
  })
})
