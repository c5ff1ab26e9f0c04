// `bulkhead verify`: its output and exit code.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemContext } from '../../../src/auth/system-context.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { createLogger } from '../../../src/core/logger.ts'
import { createSealer } from '../../../src/core/seal.ts'
import { auditHead } from '../../../src/desk/audit/head.ts'
import { sealEntries } from '../../../src/desk/audit/seal-entries.ts'
import { developmentSecret } from '../../../src/development/secret.ts'
import { nodeId } from '../../../src/graphql/node-ids.ts'
import { createGateway } from '../../../src/shop/payments/gateway.ts'
import { findRunningSandbox, startSandbox } from '../../../src/shop/sandbox/start-sandbox.ts'
import { CHECKS } from '../../../src/wiring.ts'
import { bulkhead } from '../../cli/command-line.ts'
import { accountsOf, type ConnectedShop, chargeOne } from './accounts.ts'
import { type Shop, type Shops, startShops } from './shops.ts'

/** An unknown payment. */
const STRAY = '0190a0c0-0000-7000-8000-00000000abcd'

/** The checks of the rows, and the audit's chain; the provider's books come on top. */
const CHECKED = CHECKS.length + 1

let shops: Shops
let sound: Shop
let damaged: Shop
let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bulkhead-verify-'))
  shops = await startShops()
  sound = await shops.open()
  damaged = await shops.open()
  await shops.owner.inTenant(damaged.tenantId, async (query) => {
    await query('UPDATE stock_levels SET on_hand = 7 WHERE variant_id = $1', [damaged.books.untouched])
    await query(
      `INSERT INTO orders (id, number, customer_id, currency, total_minor, holds_stock)
       SELECT gen_random_uuid(), 1000 + n, $1, 'USD', 500, false FROM generate_series(1, 103) n`,
      [damaged.books.customerId],
    )
  })
})
afterAll(async () => {
  await shops.close()
  await rm(directory, { recursive: true, force: true })
})

const verify = (...args: string[]) =>
  bulkhead(['verify', ...args], {
    cwd: directory,
    env: {
      NODE_ENV: 'development',
      DATA_DIR: join(directory, 'data'),
      DATABASE_URL: shops.testDatabase.runtimeUrl,
      DATABASE_OWNER_URL: shops.testDatabase.ownerUrl,
    },
  })

describe('bulkhead verify', () => {
  it('has --help, which names its options', async () => {
    const { code, stdout } = await verify('--help')
    expect(code).toBe(0)
    for (const option of [
      '--tenant <slug>',
      '--no-provider',
      '--since <days>',
      '--audit-head <sequence:hash>',
      '--json',
    ]) {
      expect(stdout).toContain(option)
    }
  })

  it('succeeds for a tenant without violations', async () => {
    const { code, stdout, stderr } = await verify('--tenant', sound.slug, '--no-provider')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toBe(`${sound.slug}  ok  ${CHECKED} checks\n1 tenant checked: everything adds up.\n`)
  })

  it('names each violation with its tenant, and fails', async () => {
    const { code, stdout, stderr } = await verify('--no-provider')
    expect([code, stderr]).toEqual([1, ''])
    const lines = stdout.trimEnd().split('\n')
    expect(lines.slice(0, 2)).toEqual([
      `${sound.slug}  ok  ${CHECKED} checks`,
      `${damaged.slug}  104 violations`,
    ])
    const id = nodeId('Variant', damaged.books.untouched)
    expect(lines).toContain(
      `  stock-movements  ${id}  7 on hand and 0 reserved, its movements come to 0 and 0`,
    )
    expect(lines.filter((line) => line.startsWith('  orders-total  ord_'))).toHaveLength(100)
    expect(lines).toContain('  orders-total  … and 3 more')
    expect(lines.at(-1)).toBe('2 tenants checked: 104 violations.')
  })

  it('reports as JSON, and ends alike', async () => {
    const { code, stdout } = await verify('--json', '--no-provider')
    expect(code).toBe(1)
    const { ok, tenants } = JSON.parse(stdout)
    expect(ok).toBe(false)
    expect(tenants).toMatchObject([
      { tenant: sound.slug, ok: true },
      { tenant: damaged.slug, ok: false },
    ])
    const stock = tenants[1].checks.find(({ name }: { name: string }) => name === 'stock-movements')
    expect(stock).toMatchObject({
      ok: false,
      violationCount: 1,
      violations: [{ subjects: [{ type: 'Variant', id: nodeId('Variant', damaged.books.untouched) }] }],
    })
    const alone = await verify('--json', '--no-provider', '--tenant', sound.slug)
    expect(alone.code).toBe(0)
    expect(JSON.parse(alone.stdout)).toMatchObject({ ok: true, tenants: [{ tenant: sound.slug }] })
  })

  it.each([
    [['--tenant', 'nobody'], 'there is no tenant "nobody"'],
    [['--tenant', 'No Slug'], 'A slug is'],
    [['--since', '0'], 'A whole number of days'],
    [['--since', '367'], 'A whole number of days'],
    [['--since', 'a week'], 'A whole number of days'],
    [['--audit-head', '7'], "A seal's number, a colon, and its hash"],
    [['--audit-head', `7:${'ab'.repeat(32)}`], 'give --tenant'],
  ])('refuses %j in one line', async (args, message) => {
    const { code, stdout, stderr } = await verify(...args)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(message)])
  })

  it('needs the owner, to list the tenants', async () => {
    const { code, stderr } = await bulkhead(['verify'], {
      cwd: directory,
      env: {
        NODE_ENV: 'development',
        DATA_DIR: join(directory, 'data'),
        DATABASE_URL: shops.testDatabase.runtimeUrl,
      },
    })
    expect(code).toBe(1)
    expect(stderr).toContain('set DATABASE_OWNER_URL')
  })
})

describe('bulkhead verify of the audit', () => {
  let shop: Shop
  let head: string
  const verifyAudit = (...args: string[]) => verify('--tenant', shop.slug, '--no-provider', ...args)
  beforeAll(async () => {
    shop = await shops.open()
    const { database, owner } = shops
    await owner.inTenant(shop.tenantId, (query) =>
      query(`UPDATE audit_entries SET recorded_at = recorded_at - interval '10 minutes'`),
    )
    const caller = systemContext({
      tenant: { tenantId: shop.tenantId, tenantSlug: shop.slug, tenantStatus: 'ACTIVE' },
      database,
      clock: systemClock,
      logger: createLogger('silent'),
      requestId: 'test',
    })
    const sealer = createSealer({ current: await developmentSecret(join(directory, 'data'), 'secrets-key') })
    await sealEntries(caller, sealer)
    const { sequence, hash } = (await auditHead(caller)) ?? { sequence: 0, hash: '' }
    head = `${sequence}:${hash}`
  })

  it('succeeds while the chain is valid, and contains the stored head', async () => {
    const { code, stdout, stderr } = await verifyAudit('--audit-head', head)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain(`${shop.slug}  ok  ${CHECKED} checks`)
  })

  it('fails when the owner role altered an entry, and names it', async () => {
    await shops.owner.inTenant(shop.tenantId, (query) => query(`UPDATE audit_entries SET action = 'another'`))
    const { code, stdout } = await verifyAudit()
    expect(code).toBe(1)
    expect(stdout).toMatch(/^ {2}audit-chain {2}aud_\w{26} {2}it was altered after seal 1 was put on it$/m)
  })

  it('fails when everything was removed with its seals: the stored head is missing', async () => {
    await shops.owner.inTenant(shop.tenantId, async (query) => {
      await query('DELETE FROM audit_entries')
      await query('DELETE FROM audit_seals')
    })
    expect((await verifyAudit()).code).toBe(0)
    const { code, stdout } = await verifyAudit('--audit-head', head)
    expect(code).toBe(1)
    expect(stdout).toContain('audit-chain  1  seal 1: it was stored and is missing')
  })
})

describe('bulkhead verify with the payment provider’s books', () => {
  const dataDir = () => join(directory, 'data')
  const sandboxDir = () => join(dataDir(), 'sandbox')
  let shop: ConnectedShop
  let strayOf: ConnectedShop
  beforeAll(async () => {
    // As the server does: the installation's own key, and a sandbox in its data directory.
    const sealer = createSealer({ current: await developmentSecret(dataDir(), 'secrets-key') })
    await inSandbox(async (url) => {
      const accounts = accountsOf(shops, { gateway: createGateway({ sandboxUrl: url }), sealer })
      shop = await accounts.openShop()
      await accounts.charge(shop)
      strayOf = await accounts.openShop()
      await accounts.charge(strayOf)
      await chargeOne(strayOf, STRAY, 900n)
    })
  })

  async function inSandbox<T>(work: (url: string) => Promise<T>): Promise<T> {
    const sandbox = await startSandbox({ dataDir: sandboxDir(), port: 0 })
    try {
      return await work(sandbox.url)
    } finally {
      await sandbox.stop()
    }
  }

  it('asks the sandbox of the running server', async () => {
    await inSandbox(async (url) => {
      const { code, stdout, stderr } = await verify('--tenant', shop.slug)
      expect([code, stderr]).toEqual([0, ''])
      expect(stdout).toContain(`${shop.slug}  ok  ${CHECKED + 1} checks`)
      expect(await findRunningSandbox(sandboxDir())).toBe(url)
    })
  })

  it('starts the sandbox when none runs, and stops it again', async () => {
    const { code, stdout, stderr } = await verify('--tenant', shop.slug)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain(`${shop.slug}  ok  ${CHECKED + 1} checks`)
    expect(await findRunningSandbox(sandboxDir())).toBeNull()
  })

  it('fails on a charge that only the provider has, unless --no-provider is given', async () => {
    const { code, stdout } = await verify('--tenant', strayOf.slug)
    expect(code).toBe(1)
    expect(stdout).toContain(`  provider-records  ${nodeId('Payment', STRAY)}  the provider has a charge`)
    expect((await verify('--tenant', strayOf.slug, '--no-provider')).code).toBe(0)
  })

  it('fails when an account cannot be asked', async () => {
    const { code, stdout } = await verify('--tenant', sound.slug, '--json')
    expect(code).toBe(1)
    const { checks } = JSON.parse(stdout).tenants[0]
    expect(checks.at(-1)).toMatchObject({
      name: 'provider-records',
      violations: [{ message: expect.stringContaining('could not be asked') }],
    })
  })
})
