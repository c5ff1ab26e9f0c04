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
  readonly bytes: number
}

export function createUnsentAnswers(answerBytesMax: number): UnsentAnswers {
  const held = createCounters<object>()
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
      add(tenant, bytes)
      const timeoutMs = TAKE_MS + (bytes / TAKE_BYTES_PER_SECOND) * 1_000
      const timer = setTimeout(() => response.destroy(), timeoutMs).unref()
      response.once('close', () => {
        clearTimeout(timer)
        add(tenant, -bytes)
      })
      return true
    },
    get bytes() {
      return total
    },
  }
}
