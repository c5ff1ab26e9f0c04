// `bulkhead tenant …`: manages tenants. tenant-files.ts and tenant-end.ts have the other subcommands; src/desk/tenants
// has the SQL.
import { Command } from 'commander'
import { collationOf, ROOT_COLLATION } from '../core/collation.ts'
import { LOCALE_DEFAULT, TIME_ZONE_DEFAULT } from '../core/region.ts'
import type { TenantDetails, TenantEntry, TenantStatus } from '../desk/tenants/tenant-directory.ts'
import { parseCurrency, parseEmail, parseLocale, parseName, parseSlug, parseTimeZone } from './arguments.ts'
import { asOwner, slugOf } from './as-owner.ts'
import { actionAnywhere, report } from './run.ts'
import { eraseCommand, retainedCommand } from './tenant-end.ts'
import { exportCommand, restoreCommand } from './tenant-files.ts'

interface CreateOptions {
  slug: string
  name: string
  currency: string
  timeZone: string
  locale: string
  ownerEmail: string
  ownerName?: string
  reuseSlug?: boolean
  json?: boolean
}

export function tenantCommand(): Command {
  return new Command('tenant')
    .description('create, show, suspend, move and erase tenants')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(membersCommand())
    .addCommand(statusCommand('suspend', 'SUSPENDED', 'refuse every request of a tenant; its data stays'))
    .addCommand(statusCommand('resume', 'ACTIVE', 'serve a suspended tenant again, and do not erase it'))
    .addCommand(sortIndexesCommand())
    .addCommand(exportCommand())
    .addCommand(restoreCommand())
    .addCommand(eraseCommand())
    .addCommand(retainedCommand())
}

function createCommand(): Command {
  return new Command('create')
    .description('make a tenant and its first member, an owner')
    .requiredOption('--slug <slug>', 'its address', parseSlug)
    .requiredOption('--name <name>', 'its name', parseName)
    .requiredOption('--currency <code>', 'the currency of its prices (ISO 4217)', parseCurrency)
    .option('--time-zone <zone>', 'by which its days begin (IANA)', parseTimeZone, TIME_ZONE_DEFAULT)
    .option(
      '--locale <tag>',
      'the language by which its names are sorted (BCP 47)',
      parseLocale,
      LOCALE_DEFAULT,
    )
    .requiredOption('--owner-email <address>', 'of its first member', parseEmail)
    .option('--owner-name <name>', 'of its first member (default: the address)', parseName)
    .option('--reuse-slug', 'reuse the slug of an erased tenant')
    .option('--json', 'report as JSON')
    .action(
      actionAnywhere(async (config, options: CreateOptions) => {
        const { slug, name, currency, timeZone, locale, ownerEmail, ownerName = ownerEmail } = options
        const { reuseSlug = false } = options
        const owner = { email: ownerEmail, name: ownerName }
        const tenant = { slug, name, currency, timeZone, locale, owner }
        const { createTenant } = await import('../desk/tenants/tenant-directory.ts')
        const id = await asOwner(config, (connection) => createTenant(connection, { ...tenant, reuseSlug }))
        report(
          options,
          { id, ...tenant, status: 'ACTIVE' },
          [
            `Made the tenant ${slug}; its owner is ${ownerEmail}.`,
            ...(collationOf(locale) === ROOT_COLLATION
              ? []
              : [`Its lists are sorted by ${locale} once "bulkhead tenant sort-indexes" has run.`]),
          ].join('\n'),
        )
      }),
    )
}

function listCommand(): Command {
  return new Command('list')
    .description('list all tenants')
    .option('--json', 'report as JSON')
    .action(
      actionAnywhere(async (config, options: { json?: boolean }) => {
        const { listTenants } = await import('../desk/tenants/tenant-directory.ts')
        const tenants = await asOwner(config, listTenants)
        const lines = tenants.map(lineOf)
        report(options, { tenants }, lines.join('\n') || 'There are no tenants.')
      }),
    )
}

function lineOf({ slug, status, createdAt, eraseAt, isErasing }: TenantEntry): string {
  const since = `${slug}  ${status}  since ${dayOf(createdAt)}`
  if (isErasing) return `${since}  being erased`
  return eraseAt === null ? since : `${since}  to be erased on ${dayOf(eraseAt)}`
}

function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10)
}

function showCommand(): Command {
  return new Command('show')
    .description('show a tenant; its audit records this')
    .argument('[slug]', 'the tenant', parseSlug)
    .option('--slug <slug>', 'the same', parseSlug)
    .option('--json', 'report as JSON')
    .action(
      actionAnywhere(
        async (config, argument: string | undefined, options: { slug?: string; json?: boolean }) => {
          const slug = slugOf('show', argument, options)
          const { showTenant } = await import('../desk/tenants/tenant-directory.ts')
          const tenant = await asOwner(config, (owner) => showTenant(owner, slug))
          report(options, tenant, textOf(tenant))
        },
      ),
    )
}

function sortIndexesCommand(): Command {
  return new Command('sort-indexes')
    .description('make the missing indexes by which lists are sorted in the languages of all tenants')
    .option('--json', 'report as JSON')
    .action(
      actionAnywhere(async (config, options: { json?: boolean }) => {
        const [{ makeSortIndexes }, { ALPHABETICAL }] = await Promise.all([
          import('../desk/tenants/sort-indexes.ts'),
          import('../graphql/sorts.ts'),
          // Its lists declare their sorts.
          import('../schema.ts'),
        ])
        const made = await asOwner(config, (owner) => makeSortIndexes(owner, ALPHABETICAL))
        const text =
          made.length === 0 ? 'No index is missing.' : made.map((name) => `made ${name}`).join('\n')
        report(options, { made }, text)
      }),
    )
}

function textOf(tenant: TenantDetails): string {
  const { id, name, currency, timeZone, locale, members, rows, eraseRequestedBy } = tenant
  const orderedBy = eraseRequestedBy === null ? '' : ` (by the ${eraseRequestedBy.toLowerCase()})`
  const counts = (of: Record<string, number>) =>
    Object.entries(of).map(([what, count]) => `  ${what}  ${count}`)
  return [
    `${lineOf(tenant)}${orderedBy}`,
    `${id}  ${name}  ${currency}  ${timeZone}  ${locale}`,
    'members:',
    ...counts(members),
    'rows:',
    ...counts(rows),
  ].join('\n')
}

function membersCommand(): Command {
  return new Command('members')
    .description("list a tenant's members; its audit records this")
    .argument('[slug]', 'the tenant', parseSlug)
    .option('--slug <slug>', 'the same', parseSlug)
    .option('--json', 'report as JSON')
    .action(
      actionAnywhere(
        async (config, argument: string | undefined, options: { slug?: string; json?: boolean }) => {
          const slug = slugOf('members', argument, options)
          const { listMembers } = await import('../desk/tenants/tenant-directory.ts')
          const members = await asOwner(config, (owner) => listMembers(owner, slug))
          const lines = members.map(
            ({ email, name, role, status }) => `${email}  ${role}  ${status}  ${name}`,
          )
          report(options, { members }, lines.join('\n') || 'There are no members.')
        },
      ),
    )
}

function statusCommand(verb: 'suspend' | 'resume', status: TenantStatus, description: string): Command {
  return new Command(verb)
    .description(description)
    .argument('[slug]', 'the tenant', parseSlug)
    .option('--slug <slug>', 'the same', parseSlug)
    .option('--json', 'report as JSON')
    .action(
      actionAnywhere(
        async (config, argument: string | undefined, options: { slug?: string; json?: boolean }) => {
          const slug = slugOf(verb, argument, options)
          const { setTenantStatus } = await import('../desk/tenants/tenant-directory.ts')
          const tenant = await asOwner(config, (owner) => setTenantStatus(owner, slug, status))
          report(options, tenant, `The tenant ${slug} is ${status === 'ACTIVE' ? 'active' : 'suspended'}.`)
        },
      ),
    )
}
