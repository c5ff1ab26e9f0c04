// `bulkhead tenant export` and `restore`: a tenant as a file, and back. The file is src/desk/tenants'.
import { Command } from 'commander'
import type { RestoredTenant } from '../desk/tenants/restore-tenant.ts'
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
        const { exportTenantFile } = await import('../desk/tenants/export-tenant-file.ts')
        const { systemClock } = await import('../core/clock.ts')
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
    .description('make a new tenant of a file: all of it, or nothing')
    .argument('<file>', 'what tenant export wrote, or a tenant downloaded')
    .requiredOption('--slug <slug>', 'the address of the new tenant', parseSlug)
    .option('--name <name>', 'its name (default: as in the file)', parseName)
    .option('--trust', "take another installation's file on the word of whoever gave it to you")
    .option('--reuse-slug', 'take the address of a tenant that was erased')
    .option('--json', 'report as JSON')
    .action(
      action(async (config, file: string, options: RestoreOptions) => {
        const { slug, name = null, trust = false, reuseSlug = false } = options
        const { openTenantFile } = await import('../desk/tenants/read-tenant-file.ts')
        const { restoreTenant } = await import('../desk/tenants/restore-tenant.ts')
        const { installationSealer } = await import('../runtime.ts')
        const sealer = await installationSealer(config)
        const restored = await asOwner(config, (owner) =>
          restoreTenant(owner, () => openTenantFile(file), { slug, name, sealer, trust, reuseSlug }),
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
    : `The file is of the installation ${installation}, and no key here proves it: its people, their roles and its books are ` +
        `as whoever gave it to you says. Ask them for its sum: ${sha256}`
}
