// `bulkhead tenant …`: the platform's own work on tenants. Its SQL is src/db/tenant-directory.ts.
import { Command } from 'commander'
import type { Config } from '../config.ts'
import { AppError } from '../core/errors.ts'
import { createLogger } from '../core/logger.ts'
import type { OwnerConnection } from '../db/owner.ts'
import type { TenantStatus } from '../db/tenant-directory.ts'
import { parseCurrency, parseEmail, parseName, parseSlug } from './arguments.ts'
import { requireOwner, withDatabase } from './command-database.ts'
import { action, commandLogLevel, report } from './run.ts'

interface CreateOptions {
  slug: string
  name: string
  currency: string
  ownerEmail: string
  ownerName?: string
  json?: boolean
}

export function tenantCommand(): Command {
  return new Command('tenant')
    .description('make, list, suspend and resume tenants')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(statusCommand('suspend', 'SUSPENDED', 'refuse every request of a tenant; its data stays'))
    .addCommand(statusCommand('resume', 'ACTIVE', 'serve a suspended tenant again'))
}

function createCommand(): Command {
  return new Command('create')
    .description('make a tenant and its first member, an owner')
    .requiredOption('--slug <slug>', 'its address', parseSlug)
    .requiredOption('--name <name>', 'its name', parseName)
    .requiredOption('--currency <code>', 'the currency of its prices (ISO 4217)', parseCurrency)
    .requiredOption('--owner-email <address>', 'of its first member', parseEmail)
    .option('--owner-name <name>', 'of its first member (default: the address)', parseName)
    .option('--json', 'report as JSON')
    .action(
      action(async (config, options: CreateOptions) => {
        const { slug, name, currency, ownerEmail, ownerName = ownerEmail } = options
        const tenant = { slug, name, currency, owner: { email: ownerEmail, name: ownerName } }
        const { createTenant } = await import('../db/tenant-directory.ts')
        const id = await asOwner(config, (owner) => createTenant(owner, tenant))
        report(
          options,
          { id, ...tenant, status: 'ACTIVE' },
          `Made the tenant ${slug}; its owner is ${ownerEmail}.`,
        )
      }),
    )
}

function listCommand(): Command {
  return new Command('list')
    .description('list all tenants')
    .option('--json', 'report as JSON')
    .action(
      action(async (config, options: { json?: boolean }) => {
        const { listTenants } = await import('../db/tenant-directory.ts')
        const tenants = await asOwner(config, listTenants)
        const lines = tenants.map(
          ({ slug, status, createdAt }) =>
            `${slug}  ${status}  since ${createdAt.toISOString().slice(0, 10)}`,
        )
        report(options, { tenants }, lines.join('\n') || 'There are no tenants.')
      }),
    )
}

function statusCommand(verb: 'suspend' | 'resume', status: TenantStatus, description: string): Command {
  return new Command(verb)
    .description(description)
    .argument('[slug]', 'the tenant', parseSlug)
    .option('--slug <slug>', 'the same', parseSlug)
    .option('--json', 'report as JSON')
    .action(
      action(async (config, argument: string | undefined, options: { slug?: string; json?: boolean }) => {
        const slug = options.slug ?? argument
        if (slug === undefined) throw new AppError('BAD_USER_INPUT', `which tenant? tenant ${verb} SLUG`)
        const { setTenantStatus } = await import('../db/tenant-directory.ts')
        const tenant = await asOwner(config, (owner) => setTenantStatus(owner, slug, status))
        report(options, tenant, `The tenant ${slug} is ${status === 'ACTIVE' ? 'active' : 'suspended'}.`)
      }),
    )
}

async function asOwner<T>(config: Config, work: (owner: OwnerConnection) => Promise<T>): Promise<T> {
  const { connectOwner } = await import('../db/owner.ts')
  return withDatabase(config, createLogger(commandLogLevel(config)), async (urls) => {
    const owner = await connectOwner(requireOwner(urls))
    try {
      return await work(owner)
    } catch (error) {
      throw isMissingSchema(error) ? notMigrated(error) : error
    } finally {
      await owner.end()
    }
  })
}

/** SQLSTATE of a missing schema, table or function. */
function isMissingSchema(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(3F000|42P01|42883)$/.test(String(error.code))
}

function notMigrated(cause: unknown): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    'The database is not set up: run bulkhead migrate.',
    {},
    { cause },
  )
}
