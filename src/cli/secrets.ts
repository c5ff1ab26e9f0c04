// `bulkhead secrets reseal`: after SECRETS_KEY was changed, what older keys sealed is sealed with it.
import { Command } from 'commander'
import { connectOwner } from '../db/owner.ts'
import { listTenants } from '../desk/tenants/tenant-directory.ts'
import { requireOwner } from './command-database.ts'
import { action, report } from './run.ts'
import { contextOf, withRuntime } from './with-runtime.ts'

export function secretsCommand(): Command {
  return new Command('secrets').description('the secrets that are kept sealed').addCommand(
    new Command('reseal')
      .description('seal with SECRETS_KEY what SECRETS_KEY_PREVIOUS sealed, once all servers have both')
      .option('--json', 'report as JSON')
      .action(
        action(async (config, options: { json?: boolean }) => {
          const { reseal } = await import('../parts.ts')
          const { resealed, failed } = await withRuntime(config, async (runtime, urls) => {
            const owner = await connectOwner(requireOwner(urls))
            const tenants = await listTenants(owner).finally(() => owner.end())
            const result = { resealed: 0, failed: [] as { tenant: string; reason: string }[] }
            for (const { slug } of tenants) {
              try {
                result.resealed += await reseal(await contextOf(runtime, slug), runtime.services)
              } catch (error) {
                // One tenant's lost secret is no reason to leave the others with the old key.
                const reason = error instanceof Error ? error.message : String(error)
                result.failed.push({ tenant: slug, reason })
              }
            }
            return result
          })
          const lines = failed.map(({ tenant, reason }) => `${tenant}: ${reason}`)
          report(
            options,
            { resealed, failed },
            [`${resealed} secrets were sealed anew.`, ...lines].join('\n'),
          )
          if (failed.length > 0) process.exitCode = 1
        }),
      ),
  )
}
