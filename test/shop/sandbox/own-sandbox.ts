// Owns: a sandbox of a test's own, that can be killed and started again on the same books.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Sandbox, startSandbox } from '../../../src/shop/sandbox/start-sandbox.ts'

export interface OwnSandbox {
  dataDir: string
  url: string
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** Starts it again, at the same address. */
  restart(): Promise<void>
  /** Ends it, and throws its books away. */
  close(): Promise<void>
}

export async function startOwnSandbox(): Promise<OwnSandbox> {
  const dataDir = await mkdtemp(join(tmpdir(), 'bulkhead-sandbox-'))
  let sandbox: Sandbox = await startSandbox({ dataDir, port: 0 })
  const { url } = sandbox
  return {
    dataDir,
    url,
    async kill() {
      sandbox.kill()
      await sandbox.exited
    },
    async restart() {
      sandbox = await startSandbox({ dataDir, port: Number(new URL(url).port) })
    },
    async close() {
      await sandbox.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
