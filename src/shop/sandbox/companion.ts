// Starts the payment sandbox beside the server in development.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../config.ts'
import type { Companion } from '../../module.ts'
import { findRunningSandbox, startSandbox } from './start-sandbox.ts'

/** Not in production, and not when a Stripe test account is configured. */
function wantsSandbox({ environment, payments }: Config): boolean {
  return environment.hasDemo && payments.stripe === null
}

/** The directory of the sandbox's store. */
function sandboxDir({ dataDir }: Config): string {
  return join(dataDir, 'sandbox')
}

export const sandboxCompanion: Companion = {
  name: 'the payment sandbox',
  isWanted: wantsSandbox,
  start: (config) => startSandbox({ dataDir: sandboxDir(config), port: config.payments.sandboxPort }),
  find: (config) => findRunningSandbox(sandboxDir(config)),
  async startForCommand(config) {
    const dataDir = sandboxDir(config)
    return existsSync(dataDir) ? await startSandbox({ dataDir, port: 0 }) : null
  },
}
