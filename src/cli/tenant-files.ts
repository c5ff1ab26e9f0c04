// `bulkhead tenant export` and `restore`: writes a tenant to a file, and makes a tenant from one. src/desk/tenants has
// the format.
import { Command } from 'commander'
import { systemClock } from '../core/clock.ts'
import { createLogger } from '../core/logger.ts'
import type { RestoredTenant } from '../desk/tenants/restore-tenant.ts'
import { parseName, parseSlug } from './arguments.ts'
import { asOwner, slugOf } from './as-owner.ts'
import { action, commandLogLevel, report } from './run.ts'

interface ExportOptions {
  slug?: string
  out: string
  json?: boolean
}

export function exportCommand(): Command {
  return new Command('export')
    .description('write all data of a tenant to a file, as of one moment')
    .argument('[slug]', 'the tenant', parseSlug)
    .option('--slug <slug>', 'the same', parseSlug)
    .requiredOption('--out <file>', 'JSON lines; compressed where the name ends in .gz')
    .option('--json', 'report as JSON')
    .action(
      action(async (config, argument: string | undefined, options: ExportOptions) => {
        const slug = slugOf('export', argument, options)
        const { exportTenantFile } = await import('../desk/tenants/export-tenant-file.ts')
        const { installationSealer } = await import('../runtime.ts')
        const sealer = await installationSealer(config)
        const { rows, total, sha256 } = await asOwner(config, (owner) =>
          exportTenantFile(owner, slug, options.out, { now: systemClock(), sealer }),
        )
        const text = `Wrote ${total} rows of ${slug} to ${options.out} (sha256 ${sha256}).`
        report(options, { slug, file: options.out, total, rows, sha256 }, text)
      }),
    )
}

interface RestoreOptions {
  slug: string
  name?: string
  trust?: boolean
  reuseSlug?: boolean
  json?: boolean
}

export function restoreCommand(): Command {
  return new Command('restore')
    .description('make a new tenant from a file, completely or not at all')
    .argument('<file>', 'a file of tenant export, or a downloaded export')
    .requiredOption('--slug <slug>', 'the address of the new tenant', parseSlug)
    .option('--name <name>', 'its name (default: as in the file)', parseName)
    .option('--trust', "accept another installation's file, which cannot be verified")
    .option('--reuse-slug', 'reuse the slug of an erased tenant')
    .option('--json', 'report as JSON')
    .action(
      action(async (config, file: string, options: RestoreOptions) => {
        const { slug, name = null, trust = false, reuseSlug = false } = options
        const { openTenantFile } = await import('../desk/tenants/read-tenant-file.ts')
        const { restoreTenant } = await import('../desk/tenants/restore-tenant.ts')
        const { installationSealer } = await import('../runtime.ts')
        const { fileUpgrade } = await import('../desk/tenants/upgrade-tenant-file.ts')
        const sealer = await installationSealer(config)
        const upgrade = fileUpgrade({
          dataDir: config.dataDir,
          sealer,
          clock: systemClock,
          logger: createLogger(commandLogLevel(config)),
        })
        const restored = await asOwner(config, (owner) =>
          restoreTenant(owner, () => openTenantFile(file), { slug, name, sealer, trust, reuseSlug, upgrade }),
        )
        const { source, rows } = restored
        const text = `Restored ${slug}: ${rows} rows of ${source.slug}, as it was at ${source.createdAt}.`
        report(options, restored, `${text}\n${originText(source)}`)
      }),
    )
}

function originText({ origin, installation, sha256 }: RestoredTenant['source']): string {
  return origin === 'OWN'
    ? 'The file is signed by a key of this installation, and was not altered.'
    : `The file comes from the installation ${installation}, and no key here verifies it: its members, roles and books are ` +
        `as its source states. Compare its checksum with the source: ${sha256}`
}
