// The command line of the benchmark.
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { PEERS, type Peer, WORKLOADS, type Workload } from './workloads.ts'

export type Options = {
  readonly workloads: readonly Workload[]
  /** Whether the other commands, W5, are measured too. */
  readonly commands: boolean
  readonly peers: readonly Peer[]
  /** Another checkout of the product, the peer `before`; null: none. */
  readonly against: string | null
  readonly rounds: number
  readonly windowMs: number
  readonly warmUpMs: number
  readonly scope: boolean
  readonly growth: boolean
  readonly soak: boolean
  /** Whether this run only shows that the benchmark works: on few rows, with too few requests for its figures. */
  readonly smoke: boolean
  readonly dataDir: string
  /** The directory in which every server writes a CPU profile at its end; null: none. */
  readonly profileDir: string | null
}

const CHOICES = [...WORKLOADS, 'W5'] as const
const WARM_UP_MS = 1_500
const SMOKE = { rounds: 1, windowMs: 500, warmUpMs: 200, growth: false, soak: true }

export const USAGE = `npm run bench -- [options]
  --workloads W1,W2,W3,W4,W5    which workloads ("none" for none); W5: the other commands, of the product alone
  --peers raw,typical,postgraphile,bulkhead  which servers
  --against DIR                 another checkout of the product, with its packages installed and its client generated:
                                the peer "before", on a database of its own. Without --peers: it and bulkhead alone
  --rounds 7                    how often each is measured
  --seconds 2                   how long each time
  --no-scope                    leave out what the scope costs at the database client
  --growth                      also: does a request cost more with 10,000 tenants, or with 100,000 orders?
  --soak                        also: does memory stay flat over 100,000 requests?
  --smoke                       only whether it all works: everything once and shortly, on few rows
  --data-dir bench/.data        where the benchmark's PostgreSQL lives
  --profile DIR                 write a CPU profile of every server to DIR`

/** Throws an error with a message for the user. */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      workloads: { type: 'string', default: CHOICES.join() },
      peers: { type: 'string' },
      against: { type: 'string' },
      rounds: { type: 'string', default: '7' },
      seconds: { type: 'string', default: '2' },
      'no-scope': { type: 'boolean', default: false },
      growth: { type: 'boolean', default: false },
      soak: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      'data-dir': { type: 'string', default: join(import.meta.dirname, '.data') },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const { against = null } = values
  const workloads = values.workloads === 'none' ? [] : listOf('workloads', values.workloads, CHOICES)
  const peers: Peer[] = listOf('peers', values.peers ?? (against === null ? PEERS.join() : 'bulkhead'), PEERS)
  return {
    workloads: WORKLOADS.filter((workload) => workloads.includes(workload)),
    commands: workloads.includes('W5'),
    peers: against === null ? peers : [...peers, 'before'],
    against: against === null ? null : resolve(against),
    rounds: positive('rounds', values.rounds),
    windowMs: positive('seconds', values.seconds) * 1_000,
    warmUpMs: WARM_UP_MS,
    scope: !values['no-scope'],
    growth: values.growth,
    soak: values.soak,
    ...(values.smoke && SMOKE),
    smoke: values.smoke,
    dataDir: resolve(values['data-dir']),
    profileDir: values.profile ?? null,
  }
}

/** The chosen ones, in their usual order. */
function listOf<Name extends string>(option: string, text: string, names: readonly Name[]): Name[] {
  const asked = new Set(text.split(','))
  const chosen = names.filter((name) => asked.delete(name))
  if (asked.size > 0 || chosen.length === 0) throw new Error(`--${option} takes some of ${names.join()}`)
  return chosen
}

function positive(option: string, text: string): number {
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new Error(`--${option} takes a number above 0`)
}
