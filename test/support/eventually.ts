// Owns: waiting for what another process does.
const POLL_MS = 25
const WAIT_MS = 10_000

/** Tries again until it does not throw; throws what the last try did, after ten seconds. */
export async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + WAIT_MS
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
}
