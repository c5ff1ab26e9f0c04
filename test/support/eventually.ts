// Waits for effects of another process.
const POLL_MS = 25
const WAIT_MS = 10_000

/** Retries until it does not throw; after ten seconds throws the last error. */
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
