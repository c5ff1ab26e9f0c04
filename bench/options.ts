// The command line of the benchmark.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { PEERS, type Peer, WORKLOADS, type Workload } from './workloads.ts'

export type Options = {
  readonly workloads: readonly Workload[]
  readonly peers: readonly Peer[]
  readonly rounds: number
  readonly windowMs: number
  readonly scope: boolean
  readonly growth: boolean
  readonly soak: boolean
  readonly dataDir: string
  /** The directory in which every server writes a CPU profile at its end; null: none. */
  readonly profileDir: string | null
}

export const USAGE = `npm run bench -- [options]
  --workloads W1,W2,W3,W4       which workloads ("none" for none)
  --peers raw,typical,bulkhead  which servers
  --rounds 7                    how often each is measured
  --seconds 2                   how long each time
  --no-scope                    leave out what the scope costs at the database client
  --growth                      also: does a request cost more with 10,000 tenants, or with 100,000 orders?
  --soak                        also: does memory stay flat over 100,000 requests?
  --data-dir bench/.data        where the benchmark's PostgreSQL lives
  --profile DIR                 write a CPU profile of every server to DIR`

/** Throws an error with a message for the user. */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      workloads: { type: 'string', default: WORKLOADS.join() },
      peers: { type: 'string', default: PEERS.join() },
      rounds: { type: 'string', default: '7' },
      seconds: { type: 'string', default: '2' },
      'no-scope': { type: 'boolean', default: false },
      growth: { type: 'boolean', default: false },
      soak: { type: 'boolean', default: false },
      'data-dir': { type: 'string', default: join(import.meta.dirname, '.data') },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  return {
    workloads: values.workloads === 'none' ? [] : listOf('workloads', values.workloads, WORKLOADS),
    peers: listOf('peers', values.peers, PEERS),
    rounds: positive('rounds', values.rounds),
    windowMs: positive('seconds', values.seconds) * 1_000,
    scope: !values['no-scope'],
    growth: values.growth,
    soak: values.soak,
    dataDir: values['data-dir'],
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
