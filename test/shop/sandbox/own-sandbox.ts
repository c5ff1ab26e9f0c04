// A separate sandbox for a test, which can be killed and restarted on the same store.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Sandbox, startSandbox } from '../../../src/shop/sandbox/start-sandbox.ts'

export interface OwnSandbox {
  dataDir: string
  url: string
  /** SIGKILL; resolves when the process has ended. */
  kill(): Promise<void>
  /** Restarts it, at the same address. */
  restart(): Promise<void>
  /** Stops it, and deletes its store. */
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
