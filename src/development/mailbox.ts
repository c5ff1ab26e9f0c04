// The development mailbox: stores every mail in a file instead of sending it, and deletes the oldest.
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { newId } from '../core/ids.ts'
import { type Mail, type Mailer, oneLine } from '../mail/mailer.ts'

export type KeptMail = Mail & { readonly sentAt: string }

export type Mailbox = Mailer & {
  /** Newest first. */
  list(): Promise<KeptMail[]>
}

/** The number of stored mails. */
export const MAILS_MAX = 200
/** Named by time-ordered ids, so that names sort by arrival; other processes may write here too. */
const NAME = /^[0-9a-f-]{36}\.json$/

/** A mailbox in the directory `dir`, which the first mail creates. Never used in production: mails contain secrets. */
export function createMailbox({ dir, clock }: { readonly dir: string; readonly clock: Clock }): Mailbox {
  async function names(): Promise<string[]> {
    try {
      const found = await readdir(dir)
      return found.filter((name) => NAME.test(name)).sort()
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  }

  async function read(name: string): Promise<KeptMail | null> {
    try {
      return JSON.parse(await readFile(join(dir, name), 'utf8')) as KeptMail
    } catch (error) {
      // Another process deleted it meanwhile.
      if (isMissing(error)) return null
      throw error
    }
  }

  return {
    async send({ to, subject, text }) {
      const mail: KeptMail = { to, subject: oneLine(subject), text, sentAt: clock().toISOString() }
      await mkdir(dir, { recursive: true, mode: 0o700 })
      const draft = join(dir, `${randomUUID()}.draft`)
      await writeFile(draft, JSON.stringify(mail, null, 2), { mode: 0o600, flag: 'wx' })
      // Renamed when complete, so that a reader never sees a partial file.
      await rename(draft, join(dir, `${newId()}.json`))
      const kept = await names()
      for (const old of kept.slice(0, Math.max(0, kept.length - MAILS_MAX))) {
        await rm(join(dir, old), { force: true })
      }
    },
    async list() {
      const mails = await Promise.all((await names()).toReversed().map(read))
      return mails.filter((mail) => mail !== null)
    },
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
