// `bulkhead tenant erase` and `retained`: erases tenants, and shows retained records.
// src/desk/tenants/tenant-erasure.ts has the SQL.
import { Command } from 'commander'
import { AppError } from '../core/errors.ts'
import type { OwnerConnection } from '../db/owner.ts'
import type { ErasedTenant } from '../desk/tenants/tenant-erasure.ts'
import { parseDays, parseSlug } from './arguments.ts'
import { asOwner, slugOf } from './as-owner.ts'
import { actionAnywhere, report } from './run.ts'

const GRACE_DAYS_DEFAULT = 30
const GRACE_DAYS_MAX = 365

interface EraseOptions {
  slug?: string
  confirm: string
  in: number
  now?: boolean
  json?: boolean
}

export function eraseCommand(): Command {
  return new Command('erase')
    .description('suspend a tenant at once, and erase all of its data after a grace period')
    .argument('[slug]', 'the tenant', parseSlug)
    .option('--slug <slug>', 'the same', parseSlug)
    .requiredOption('--confirm <slug>', 'the slug again, to confirm', parseSlug)
    .option(
      '--in <days>',
      `1 to ${GRACE_DAYS_MAX}; until then resume calls it off`,
      parseDays(GRACE_DAYS_MAX),
      GRACE_DAYS_DEFAULT,
    )
    .option('--now', 'erase it at once, which cannot be undone; continues an erasure that has begun')
    .option('--json', 'report as JSON')
    .action(
      actionAnywhere(async (config, argument: string | undefined, options: EraseOptions) => {
        const slug = slugOf('erase', argument, options)
        if (options.confirm !== slug) {
          throw new AppError(
            'BAD_USER_INPUT',
            `--confirm says "${options.confirm}", not "${slug}": nothing was done`,
          )
        }
        await asOwner(config, (owner) =>
          (options.now === true ? eraseAtOnce : schedule)(owner, slug, options),
        )
      }),
    )
}

async function schedule(owner: OwnerConnection, slug: string, options: EraseOptions): Promise<void> {
  const { orderErasure } = await import('../desk/tenants/tenant-erasure.ts')
  const tenant = await orderErasure(owner, slug, options.in)
  const on = tenant.eraseAt?.toISOString()
  const text = tenant.isErasing
    ? `${slug} is being erased already.`
    : `${slug} is suspended, and will be erased at ${on}. Until then: bulkhead tenant resume ${slug}`
  report(options, tenant, text)
}

async function eraseAtOnce(owner: OwnerConnection, slug: string, options: EraseOptions): Promise<void> {
  const { eraseNow, orderErasure, retainedCounts } = await import('../desk/tenants/tenant-erasure.ts')
  const tenant = await orderErasure(owner, slug, 0)
  const erased = await eraseNow(owner, tenant)
  const retained = await retainedCounts(owner, erased.tenantId)
  const total = sumOf(erased.rowCounts)
  const kept = `${sumOf(retained)} records are retained until ${dayOf(erased.retainUntil)}`
  report(options, { ...erased, retained }, `Erased ${slug}: ${total} rows; ${kept}.`)
}

export function retainedCommand(): Command {
  return new Command('retained')
    .description('show the retained records of erased tenants, or remove expired ones')
    .argument('[slug]', 'its former slug', parseSlug)
    .option('--records', 'print the records, one JSON object a line')
    .option('--purge', 'remove the expired records of all tenants')
    .option('--json', 'report as JSON')
    .action(
      actionAnywhere(async (config, slug: string | undefined, options: RetainedOptions) => {
        if (options.purge === true) return await asOwner(config, (owner) => purge(owner, options))
        const address = slugOf('retained', slug, {})
        await asOwner(config, (owner) => showRetained(owner, address, options))
      }),
    )
}

interface RetainedOptions {
  records?: boolean
  purge?: boolean
  json?: boolean
}

async function purge(owner: OwnerConnection, options: RetainedOptions): Promise<void> {
  const { purgeExpired } = await import('../desk/tenants/tenant-erasure.ts')
  const tenants = await purgeExpired(owner)
  report(options, { purged: tenants }, `Removed the records of ${tenants} tenants.`)
}

async function showRetained(owner: OwnerConnection, slug: string, options: RetainedOptions): Promise<void> {
  const { erasedTenants, retainedCounts, retainedRecords } = await import('../desk/tenants/tenant-erasure.ts')
  const tenants = await erasedTenants(owner, slug)
  if (tenants.length === 0) throw new AppError('NOT_FOUND', `no tenant "${slug}" was erased`, { slug })
  const described: (ErasedTenant & { retained: Record<string, number> })[] = []
  for (const tenant of tenants) {
    described.push({ ...tenant, retained: await retainedCounts(owner, tenant.tenantId) })
    if (options.records !== true) continue
    for await (const page of retainedRecords(owner, tenant.tenantId)) {
      const lines = page.map((record) => `${JSON.stringify({ tenantId: tenant.tenantId, ...record })}\n`)
      process.stdout.write(lines.join(''))
    }
  }
  if (options.records !== true) report(options, { tenants: described }, described.map(lineOf).join('\n'))
}

function lineOf({
  slug,
  name,
  erasedAt,
  retainUntil,
  retained,
}: ErasedTenant & { retained: Record<string, number> }): string {
  const when = erasedAt === null ? 'being erased' : `erased on ${dayOf(erasedAt)}`
  return `${slug}  ${name}  ${when}  ${sumOf(retained)} records until ${dayOf(retainUntil)}`
}

function sumOf(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10)
}
