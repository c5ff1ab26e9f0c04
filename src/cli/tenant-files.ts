// `bulkhead tenant export` and `restore`: a tenant as a file, and back. The file is src/tenants'.
import { Command } from 'commander'
import { parseName, parseSlug } from './arguments.ts'
import { asOwner, slugOf } from './as-owner.ts'
import { action, report } from './run.ts'

interface ExportOptions {
  slug?: string
  out: string
  json?: boolean
}

export function exportCommand(): Command {
  return new Command('export')
    .description('write all that a tenant owns to a file, as it is at one moment')
    .argument('[slug]', 'the tenant', parseSlug)
    .option('--slug <slug>', 'the same', parseSlug)
    .requiredOption('--out <file>', 'JSON lines; compressed where the name ends in .gz')
    .option('--json', 'report as JSON')
    .action(
      action(async (config, argument: string | undefined, options: ExportOptions) => {
        const slug = slugOf('export', argument, options)
        const { exportTenantFile } = await import('../tenants/export-tenant-file.ts')
        const { systemClock } = await import('../core/clock.ts')
        const { rows, total, sha256 } = await asOwner(config, (owner) =>
          exportTenantFile(owner, slug, options.out, systemClock()),
        )
        const text = `Wrote ${total} rows of ${slug} to ${options.out} (sha256 ${sha256}).`
        report(options, { slug, file: options.out, total, rows, sha256 }, text)
      }),
    )
}

interface RestoreOptions {
  slug: string
  name?: string
  json?: boolean
}

export function restoreCommand(): Command {
  return new Command('restore')
    .description('make a new tenant of a file: all of it, or nothing')
    .argument('<file>', 'what tenant export wrote, or a tenant downloaded')
    .requiredOption('--slug <slug>', 'the address of the new tenant', parseSlug)
    .option('--name <name>', 'its name (default: as in the file)', parseName)
    .option('--json', 'report as JSON')
    .action(
      action(async (config, file: string, options: RestoreOptions) => {
        const { slug, name = null } = options
        const { openTenantFile } = await import('../tenants/read-tenant-file.ts')
        const { restoreTenant } = await import('../tenants/restore-tenant.ts')
        const restored = await asOwner(config, (owner) =>
          restoreTenant(owner, () => openTenantFile(file), { slug, name }),
        )
        const { source, rows } = restored
        const text = `Restored ${slug}: ${rows} rows of ${source.slug}, as it was at ${source.createdAt}.`
        report(options, restored, text)
      }),
    )
}
