// `bulkhead secrets reseal`: after a change of SECRETS_KEY, seals with it what older keys had sealed.
import { Command } from 'commander'
import { connectOwner } from '../db/owner.ts'
import { listTenants } from '../desk/tenants/tenant-directory.ts'
import { requireOwner } from './command-database.ts'
import { action, report } from './run.ts'
import { contextOf, withRuntime } from './with-runtime.ts'

export function secretsCommand(): Command {
  return new Command('secrets').description('manage sealed secrets').addCommand(
    new Command('reseal')
      .description('seal with SECRETS_KEY what SECRETS_KEY_PREVIOUS sealed, once all servers have both')
      .option('--json', 'report as JSON')
      .action(
        action(async (config, options: { json?: boolean }) => {
          const { reseal } = await import('../wiring.ts')
          const { resealed, failed } = await withRuntime(config, async (runtime, urls) => {
            const owner = await connectOwner(requireOwner(urls))
            const tenants = await listTenants(owner).finally(() => owner.end())
            const result = { resealed: 0, failed: [] as { tenant: string; reason: string }[] }
            for (const { slug } of tenants) {
              try {
                result.resealed += await reseal(await contextOf(runtime, slug), runtime.services)
              } catch (error) {
                // A lost secret of one tenant must not leave the others with the old key.
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
            [`${resealed} secrets were sealed again.`, ...lines].join('\n'),
          )
          if (failed.length > 0) process.exitCode = 1
        }),
      ),
  )
}
