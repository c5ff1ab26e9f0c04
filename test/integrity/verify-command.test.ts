// `bulkhead verify` as people run it: what it prints and how it ends.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSealer } from '../../src/core/seal.ts'
import { developmentSecret } from '../../src/edge/development-secret.ts'
import { nodeId } from '../../src/graphql/node.ts'
import { CHECKS } from '../../src/integrity/checks.ts'
import { createGateway } from '../../src/payments/gateway.ts'
import { findRunningSandbox, startSandbox } from '../../src/sandbox/start-sandbox.ts'
import { bulkhead } from '../cli/command-line.ts'
import { accountsOf, type ConnectedShop, chargeOne } from './accounts.ts'
import { type Shop, type Shops, startShops } from './shops.ts'

/** A payment that nobody here knows of. */
const STRAY = '0190a0c0-0000-7000-8000-00000000abcd'

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
      DATA_DIR: join(directory, 'data'),
      DATABASE_URL: shops.testDatabase.runtimeUrl,
      DATABASE_OWNER_URL: shops.testDatabase.ownerUrl,
    },
  })

describe('bulkhead verify', () => {
  it('has --help, which names its options', async () => {
    const { code, stdout } = await verify('--help')
    expect(code).toBe(0)
    for (const option of ['--tenant <slug>', '--no-provider', '--since <days>', '--json']) {
      expect(stdout).toContain(option)
    }
  })

  it('says that all is well of a tenant whose books are in order, and succeeds', async () => {
    const { code, stdout, stderr } = await verify('--tenant', sound.slug, '--no-provider')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toBe(`${sound.slug}  ok  ${CHECKS.length} checks\n1 tenant checked: everything adds up.\n`)
  })

  it('names what does not add up, of whom, and fails', async () => {
    const { code, stdout, stderr } = await verify('--no-provider')
    expect([code, stderr]).toEqual([1, ''])
    const lines = stdout.trimEnd().split('\n')
    expect(lines.slice(0, 2)).toEqual([
      `${sound.slug}  ok  ${CHECKS.length} checks`,
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
  ])('refuses %j in one line', async (args, message) => {
    const { code, stdout, stderr } = await verify(...args)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(message)])
  })

  it('asks for the owner, who knows which tenants there are', async () => {
    const { code, stderr } = await bulkhead(['verify'], {
      cwd: directory,
      env: { DATA_DIR: join(directory, 'data'), DATABASE_URL: shops.testDatabase.runtimeUrl },
    })
    expect(code).toBe(1)
    expect(stderr).toContain('set DATABASE_OWNER_URL')
  })
})

describe('bulkhead verify with the payment provider’s books', () => {
  const dataDir = () => join(directory, 'data')
  const sandboxDir = () => join(dataDir(), 'sandbox')
  let shop: ConnectedShop
  let strayOf: ConnectedShop
  beforeAll(async () => {
    // As the server does: a key of the installation's own, and a sandbox in its data directory.
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
      expect(stdout).toContain(`${shop.slug}  ok  ${CHECKS.length + 1} checks`)
      expect(await findRunningSandbox(sandboxDir())).toBe(url)
    })
  })

  it('starts the sandbox when none runs, and ends it again', async () => {
    const { code, stdout, stderr } = await verify('--tenant', shop.slug)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain(`${shop.slug}  ok  ${CHECKS.length + 1} checks`)
    expect(await findRunningSandbox(sandboxDir())).toBeNull()
  })

  it('fails on a charge that only the provider has, unless it is told not to ask', async () => {
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
