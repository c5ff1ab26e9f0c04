// `bulkhead sandbox …`: controls the payment sandbox, for a tenant with an account there. The server must be running,
// since it runs the sandbox. Development only.
import { Command, InvalidArgumentError, Option } from 'commander'
import { z } from 'zod'
import type { Config } from '../config.ts'
import { AppError } from '../core/errors.ts'
import type { CommandLine } from '../module.ts'

const COPIES_MAX = 100
const MODES = ['on', 'paused', 'duplicate', 'shuffle', 'delay'] as const

interface Options {
  tenant: string
  type: string
  copies: number
  json?: boolean
}

export function sandboxCommand(cli: CommandLine): Command {
  return new Command('sandbox')
    .description('control the payment sandbox (development)')
    .addCommand(resendCommand(cli))
    .addCommand(webhooksCommand(cli))
}

function resendCommand(cli: CommandLine): Command {
  const { action, report, parseSlug } = cli
  return new Command('resend')
    .description('send the latest event of a type again, and wait until it is accepted')
    .requiredOption('--tenant <slug>', 'whose', parseSlug)
    .option('--type <type>', 'type of the event', 'payment_intent.succeeded')
    .option('--copies <count>', 'how often', parseCopies, 1)
    .option('--json', 'report as JSON')
    .action(
      action(async (config, { tenant, type, copies, json }: Options) => {
        const call = await sandboxOf(cli, config, tenant)
        const listed = await call('GET', `v1/events?type=${type}&limit=1`)
        const [event] = eventListSchema.parse(listed).data
        if (event === undefined)
          throw new AppError('NOT_FOUND', `the sandbox has no event ${type} of ${tenant}`)
        await call('POST', `_sandbox/events/${event.id}/resend`, { copies })
        await call('POST', '_sandbox/flush')
        const text = `${event.id} (${type}) was sent again, ${copies === 1 ? 'once' : `${copies} times`}.`
        report(json === undefined ? {} : { json }, { event: event.id, type, copies }, text)
      }),
    )
}

function webhooksCommand(cli: CommandLine): Command {
  const { action, report, parseSlug } = cli
  return new Command('webhooks')
    .description('set how events are sent from now on')
    .requiredOption('--tenant <slug>', 'whose', parseSlug)
    .addOption(new Option('--mode <mode>', 'how').choices(MODES).makeOptionMandatory())
    .action(
      action(async (config, { tenant, mode }: { tenant: string; mode: string }) => {
        const call = await sandboxOf(cli, config, tenant)
        await call('POST', '_sandbox/settings', { webhooks: mode })
        report({}, {}, `Events of ${tenant}: ${mode}.`)
      }),
    )
}

const eventListSchema = z.object({ data: z.array(z.object({ id: z.string() })) })

type Call = (method: 'GET' | 'POST', path: string, body?: object) => Promise<unknown>

/** A client of the running sandbox, with the tenant's account. */
async function sandboxOf({ inTenant }: CommandLine, config: Config, slug: string): Promise<Call> {
  const { sandboxCompanion } = await import('./sandbox/companion.ts')
  if (!sandboxCompanion.isWanted(config)) {
    throw new AppError('FORBIDDEN', 'there is no sandbox in production, nor beside a Stripe test account')
  }
  const url = await sandboxCompanion.find(config)
  if (url === null) throw new AppError('SERVICE_UNAVAILABLE', 'The sandbox does not run: start the server.')
  const { openSecrets } = await import('./payments/provider-record.ts')
  const secretKey = await inTenant(config, slug, async ({ database, scope }, { payments }) => {
    const row = await database.withTenant(scope, (tx) =>
      tx.paymentProvider.findFirst({ where: { status: 'ACTIVE', kind: 'SANDBOX' } }),
    )
    if (row === null) throw new AppError('NOT_FOUND', `${slug} has no account with the sandbox`)
    return openSecrets(payments.sealer, row).secretKey
  })
  return async (method, path, body) => {
    const response = await fetch(`${url}/${path}`, {
      method,
      headers: { authorization: `Bearer ${secretKey}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (!response.ok)
      throw new AppError('SERVICE_UNAVAILABLE', `the sandbox refused: ${await response.text()}`)
    return (await response.json()) as unknown
  }
}

function parseCopies(text: string): number {
  const copies = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (copies >= 1 && copies <= COPIES_MAX) return copies
  throw new InvalidArgumentError(`A number from 1 to ${COPIES_MAX}.`)
}
