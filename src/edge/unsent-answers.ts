// Large answers that their clients have not taken yet: how many bytes of them a process holds, for whom, and how long.
import type { ServerResponse } from 'node:http'

/** Smaller ones are not counted: they fit into the buffers of the sockets, and those of the operating system. */
const LARGE_BYTES = 65_536
/** In largest answers: what all tenants together, and one alone, may leave lying here. */
const ANSWERS_MAX = 8
const ANSWERS_PER_TENANT_MAX = 2
/** A client has this long to take an answer, and a second more for each so many bytes: 512 kbit/s. */
const TAKE_MS = 30_000
const TAKE_BYTES_PER_SECOND = 65_536

export type UnsentAnswers = {
  /**
   * Whether there is room for an answer of so many bytes; `tenant` is known by its identity. When there is, it is taken
   * until the response is closed; a client that has not taken the answer in time is cut off.
   */
  hold(response: ServerResponse, tenant: object, bytes: number): boolean
  readonly bytes: number
}

export function createUnsentAnswers(answerBytesMax: number): UnsentAnswers {
  const held = new Map<object, number>()
  let total = 0

  function add(tenant: object, bytes: number): void {
    total += bytes
    const left = (held.get(tenant) ?? 0) + bytes
    if (left > 0) held.set(tenant, left)
    else held.delete(tenant)
  }

  return {
    hold(response, tenant, bytes) {
      // The client may have gone while its operation ran: nothing will be kept for it.
      if (bytes < LARGE_BYTES || response.closed || response.destroyed) return true
      const own = (held.get(tenant) ?? 0) + bytes
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
