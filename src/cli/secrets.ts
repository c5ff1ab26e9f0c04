// `bulkhead secrets reseal`: after SECRETS_KEY was changed, what older keys sealed is sealed with it.
import { Command } from 'commander'
import { connectOwner } from '../db/owner.ts'
import { listTenants } from '../db/tenant-directory.ts'
import { resealSecrets } from '../payments/reseal.ts'
import { requireOwner } from './command-database.ts'
import { action, report } from './run.ts'
import { callerOf, withRuntime } from './with-runtime.ts'

export function secretsCommand(): Command {
  return new Command('secrets').description('the secrets that are kept sealed').addCommand(
    new Command('reseal')
      .description('seal with SECRETS_KEY what its predecessors (SECRETS_KEY_PREVIOUS) sealed')
      .option('--json', 'report as JSON')
      .action(
        action(async (config, options: { json?: boolean }) => {
          const resealed = await withRuntime(config, async (runtime, urls) => {
            const owner = await connectOwner(requireOwner(urls))
            const tenants = await listTenants(owner).finally(() => owner.end())
            let count = 0
            for (const { slug } of tenants) {
              count += await resealSecrets(await callerOf(runtime, slug), runtime.services.payments)
            }
            return count
          })
          report(options, { resealed }, `${resealed} accounts were sealed anew.`)
        }),
      ),
  )
}
