// Bounds large answers that clients have not read yet: their bytes, per process and tenant, and their time.
import type { ServerResponse } from 'node:http'
import { createCounters } from '../core/counters.ts'

/** Smaller ones are not counted: they fit into the socket's and the operating system's buffers. */
const LARGE_BYTES = 65_536
/** In answers of the maximum size: the bound for all tenants together, and for one. */
const ANSWERS_MAX = 8
const ANSWERS_PER_TENANT_MAX = 2
/** The time to read an answer, plus a second for each so many bytes: 512 kbit/s. */
const TAKE_MS = 30_000
const TAKE_BYTES_PER_SECOND = 65_536

export type UnsentAnswers = {
  /**
   * Whether there is room for an answer of this size; `tenant` is compared by identity. If so, it is counted until the
   * response is closed, and a client that does not read it in time is cut off.
   */
  hold(response: ServerResponse, tenant: object, bytes: number): boolean
  /** The answer of a held response was compressed to this size. */
  shrink(response: ServerResponse, bytes: number): void
  readonly bytes: number
}

export function createUnsentAnswers(answerBytesMax: number): UnsentAnswers {
  const held = createCounters<object>()
  /** How many bytes count for a response that is not closed. */
  const counts = new WeakMap<ServerResponse, (bytes: number) => void>()
  let total = 0

  function add(tenant: object, bytes: number): void {
    total += bytes
    held.add(tenant, bytes)
  }

  return {
    hold(response, tenant, bytes) {
      // The client may have left during the operation: then nothing is held.
      if (bytes < LARGE_BYTES || response.closed || response.destroyed) return true
      const own = held.get(tenant) + bytes
      if (own > ANSWERS_PER_TENANT_MAX * answerBytesMax || total + bytes > ANSWERS_MAX * answerBytesMax) {
        return false
      }
      const count = createCount(response, (more) => add(tenant, more))
      count(bytes)
      counts.set(response, count)
      response.once('close', () => {
        counts.delete(response)
        count(0)
      })
      return true
    },
    shrink(response, bytes) {
      counts.get(response)?.(bytes < LARGE_BYTES ? 0 : bytes)
    },
    get bytes() {
      return total
    },
  }
}

/** Sets how many bytes of a response are held, and the time for reading them. */
function createCount(response: ServerResponse, add: (bytes: number) => void): (bytes: number) => void {
  let counted = 0
  let timer: NodeJS.Timeout | undefined
  return (bytes) => {
    add(bytes - counted)
    counted = bytes
    clearTimeout(timer)
    if (bytes === 0) return
    const timeoutMs = TAKE_MS + (bytes / TAKE_BYTES_PER_SECOND) * 1_000
    timer = setTimeout(() => response.destroy(), timeoutMs).unref()
  }
}
