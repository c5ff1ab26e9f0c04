// `bulkhead verify`: runs the integrity checks on each tenant, by src/integrity.
import { Command, InvalidArgumentError } from 'commander'
import type { Config } from '../config.ts'
import { AppError } from '../core/errors.ts'
import { createLogger, type Logger } from '../core/logger.ts'
import type { TenantEntry } from '../desk/tenants/tenant-directory.ts'
import { SINCE_DAYS_DEFAULT, SINCE_DAYS_MAX } from '../integrity/check.ts'
import type { CheckReport, IntegrityReport, KeptHead } from '../integrity/verify.ts'
import type { Runtime } from '../runtime.ts'
import { parseDays, parseSlug } from './arguments.ts'
import { type DatabaseUrls, requireOwner, withDatabase } from './command-database.ts'
import { action, commandLogLevel, report } from './run.ts'

interface Options {
  tenant?: string
  provider: boolean
  since: number
  auditHead?: KeptHead
  json?: boolean
}

export function verifyCommand(): Command {
  return new Command('verify')
    .description('check that money and stock add up and the audit is unaltered; fails on a violation')
    .option('--tenant <slug>', 'one tenant (default: all)', parseSlug)
    .option('--no-provider', 'do not compare with the payment providers')
    .option(
      '--since <days>',
      "how far back to compare the payment providers' books",
      parseDays(SINCE_DAYS_MAX),
      SINCE_DAYS_DEFAULT,
    )
    .option(
      '--audit-head <sequence:hash>',
      "a stored seal of the tenant's audit, to look for in the chain (needs --tenant)",
      parseHead,
    )
    .option('--json', 'report as JSON')
    .action(
      action(async (config, options: Options) => {
        if (options.auditHead !== undefined && options.tenant === undefined) {
          throw new AppError('BAD_USER_INPUT', 'an audit head belongs to one tenant: give --tenant')
        }
        const logger = createLogger(commandLogLevel(config))
        const reports = await withDatabase(config, logger, (urls) => verify(config, urls, options, logger))
        const ok = reports.every((tenant) => tenant.ok)
        report(options, { ok, tenants: reports }, asText(reports))
        if (!ok) process.exitCode = 1
      }),
    )
}

/** One tenant after another, as the runtime role, so that it sees what the server sees. */
async function verify(
  config: Config,
  urls: DatabaseUrls,
  options: Options,
  logger: Logger,
): Promise<IntegrityReport[]> {
  const tenants = await tenantsOf(requireOwner(urls), options.tenant)
  const { openRuntime } = await import('../runtime.ts')
  return await withCompanion(config, options, async (companionUrl) => {
    const runtime = await openRuntime(config, { ...urls, companionUrl }, logger)
    try {
      const reports: IntegrityReport[] = []
      for (const tenant of tenants) reports.push(await verifyOne(runtime, tenant, options))
      return reports
    } finally {
      await runtime.close()
    }
  })
}

async function verifyOne(
  { database, services, clock }: Runtime,
  { id, slug }: TenantEntry,
  { provider, since, auditHead }: Options,
): Promise<IntegrityReport> {
  const { verifyTenant } = await import('../integrity/verify.ts')
  const tenant = { database, scope: { tenantId: id }, clock, tenantSlug: slug }
  return await verifyTenant(tenant, services.integrity, {
    remote: provider,
    sinceDays: since,
    ...(auditHead !== undefined && { auditHead }),
  })
}

/**
 * Runs `work` with the companion's URL: the running server's companion, or one started on its data for the duration of
 * the work. Null where there is none, or providers are not asked.
 */
async function withCompanion<T>(
  config: Config,
  { provider }: Options,
  work: (companionUrl: string | null) => Promise<T>,
): Promise<T> {
  const { COMPANION: companion } = await import('../wiring.ts')
  if (!provider || companion?.isWanted(config) !== true) return work(null)
  const runningUrl = await companion.find(config)
  if (runningUrl !== null) return work(runningUrl)
  const started = await companion.startForCommand(config)
  try {
    return await work(started?.url ?? null)
  } finally {
    await started?.stop()
  }
}

async function tenantsOf(ownerUrl: string, slug: string | undefined): Promise<TenantEntry[]> {
  const { connectOwner } = await import('../db/owner.ts')
  const { listTenants } = await import('../desk/tenants/tenant-directory.ts')
  const owner = await connectOwner(ownerUrl)
  try {
    const tenants = await listTenants(owner)
    if (slug === undefined) return tenants
    const found = tenants.filter((tenant) => tenant.slug === slug)
    if (found.length === 0) throw new AppError('NOT_FOUND', `there is no tenant "${slug}"`, { slug })
    return found
  } finally {
    await owner.end()
  }
}

function asText(reports: readonly IntegrityReport[]): string {
  const count = reports.reduce((sum, { checks }) => sum + countOf(checks), 0)
  const tenants = reports.length === 1 ? '1 tenant' : `${reports.length} tenants`
  const summary = `${tenants} checked: ${count === 0 ? 'everything adds up' : violations(count)}.`
  return [...reports.flatMap(linesOf), summary].join('\n')
}

function linesOf({ tenant, ok, checks }: IntegrityReport): string[] {
  if (ok) return [`${tenant}  ok  ${checks.length} checks`]
  return [`${tenant}  ${violations(countOf(checks))}`, ...checks.flatMap(checkLines)]
}

function checkLines(check: CheckReport): string[] {
  const lines = check.violations.map(({ message, subjects }) => {
    const ids = subjects.map(({ id }) => id).join(' ')
    return `  ${check.name}  ${ids === '' ? '' : `${ids}  `}${message}`
  })
  const more = check.violationCount - check.violations.length
  return more > 0 ? [...lines, `  ${check.name}  … and ${more} more`] : lines
}

function countOf(checks: readonly CheckReport[]): number {
  return checks.reduce((sum, { violationCount }) => sum + violationCount, 0)
}

function violations(count: number): string {
  return count === 1 ? '1 violation' : `${count} violations`
}

function parseHead(text: string): KeptHead {
  const [, sequence, hash] = /^(\d{1,9}):([0-9a-f]{64})$/.exec(text) ?? []
  if (sequence !== undefined && hash !== undefined) return { sequence: Number(sequence), hash }
  throw new InvalidArgumentError("A seal's number, a colon, and its hash: what auditHead answers.")
}
