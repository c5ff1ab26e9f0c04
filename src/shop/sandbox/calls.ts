// Runs one API call: finds its account, handles its idempotency key, makes its effect and answer in one transaction,
// and injects faults on the way back.
import { createHash } from 'node:crypto'
import type { Account } from './account.ts'
import type { Params } from './form.ts'
import { expanded } from './listing.ts'
import { invalid, Problem } from './problem.ts'
import type { Fault, Route } from './routes.ts'

export type Answer =
  | { readonly status: number; readonly body: string; readonly isReplayed: boolean }
  /** The connection is cut instead. */
  | 'LOST'

const FAULT_BODY = JSON.stringify({
  error: { type: 'api_error', message: 'Something went wrong at the sandbox.' },
})

/** How often a fault happens to one key. Stripe's library retries once when a connection is cut. */
const FAULTS_PER_KEY: Readonly<Record<Fault, number>> = { LOST_BEFORE: 2, LOST_AFTER: 2, FAULT_AFTER: 1 }

export type Call = {
  readonly params: Params
  readonly id: string
  readonly path: string
  readonly raw: string
}

const KEY_LENGTH_MAX = 255

/** Answers a call. The same key for another call is refused. */
export function answerCall(account: Account, route: Route, call: Call): Answer {
  const key = route.method === 'POST' ? account.request.idempotency_key : null
  if (key !== null && key.length > KEY_LENGTH_MAX) {
    throw invalid(`Idempotency keys are at most ${KEY_LENGTH_MAX} characters long.`)
  }
  const fault = route.fault?.(account, call.params, call.id) ?? null
  if (key === null) {
    if (fault === 'LOST_BEFORE') return 'LOST'
    const answer = account.store.atomically(() => run(account, route, call))
    return fault === null ? { ...answer, isReplayed: false } : faulty(fault)
  }
  const fingerprint = fingerprintOf(route, call)
  return account.store.atomically(() => {
    const known = account.store.answerOf(account.id, key)
    // A call that was lost on the way never arrived: its key is free for any call.
    if (known?.status != null && known.fingerprint !== fingerprint) throw keyReused()
    const faults = known?.faults ?? 0
    const isFaulty = fault !== null && faults < FAULTS_PER_KEY[fault]
    const isReplayed = known?.status != null
    let { status, body } = known ?? { status: null, body: '' }
    if (status === null && !(isFaulty && fault === 'LOST_BEFORE')) {
      ;({ status, body } = run(account, route, call))
    }
    const keptFaults = faults + Number(isFaulty)
    account.store.keepAnswer(account.id, key, { fingerprint, status, body, faults: keptFaults })
    return isFaulty || status === null ? faulty(fault) : { status, body, isReplayed }
  })
}

/** Runs the call. A refusal that is the call's outcome (a declined card) is an answer, and its writes stay. */
function run(
  account: Account,
  route: Route,
  { params, id }: { readonly params: Params; readonly id: string },
): { status: number; body: string } {
  try {
    return { status: 200, body: JSON.stringify(expanded(account, route.run(account, params, id), params)) }
  } catch (error) {
    if (!(error instanceof Problem) || !error.isKept) throw error
    return { status: error.status, body: JSON.stringify({ error: error.body }) }
  }
}

/** Independent of the order of the parameters. */
function fingerprintOf({ method }: Route, { path, raw }: Call): string {
  const params = new URLSearchParams(raw)
  params.sort()
  return createHash('sha256').update(`${method} ${path}\n${params.toString()}`).digest('hex')
}

function faulty(fault: Fault | null): Answer {
  return fault === 'FAULT_AFTER' ? { status: 500, body: FAULT_BODY, isReplayed: false } : 'LOST'
}

function keyReused(): Problem {
  return new Problem(400, {
    type: 'idempotency_error',
    message:
      'Keys for idempotent requests can only be used with the same parameters they were first used with.',
  })
}
