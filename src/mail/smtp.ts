// Sends mail by SMTP. Keeps nothing: what was not taken is the caller's to send again.
import { createTransport } from 'nodemailer'
import { type Mail, type Mailer, subjectLine } from './mailer.ts'

const CONNECTION_TIMEOUT_MS = 10_000
const GREETING_TIMEOUT_MS = 10_000
/** A server that says nothing for so long will not say anything. */
const SILENCE_TIMEOUT_MS = 30_000

/**
 * `url`: smtp://user:password@host:587, or smtps:// for TLS from the start. `requireTls`: a server that offers no STARTTLS
 * is sent nothing; `?requireTLS=false` in the address says otherwise.
 */
export function createSmtpMailer(options: {
  readonly url: string
  readonly from: string
  readonly requireTls: boolean
}): Mailer {
  const { url, from, requireTls } = options
  const transport = createTransport({
    url,
    requireTLS: requireTls,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    greetingTimeout: GREETING_TIMEOUT_MS,
    socketTimeout: SILENCE_TIMEOUT_MS,
    // A mail is what it says: nothing in it is a path or an address to read from.
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    async send({ to, subject, text }: Mail) {
      // As an object, an address is not read as a list of several.
      await transport.sendMail({ from, to: { name: '', address: to }, subject: subjectLine(subject), text })
    },
  }
}
