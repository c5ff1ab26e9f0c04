// Sends mail by SMTP. Keeps nothing: what was not taken is the caller's to send again.
import { createTransport } from 'nodemailer'
import { isEmailAddress } from '../core/email.ts'
import { type Mail, type Mailer, oneLine } from './mailer.ts'

const CONNECTION_TIMEOUT_MS = 10_000
const GREETING_TIMEOUT_MS = 10_000
/** A server that says nothing for so long will not say anything. */
const SILENCE_TIMEOUT_MS = 30_000
/** So that no absence is reported back: RFC 3834. */
const AUTOMATIC = { 'Auto-Submitted': 'auto-generated' }
const MESSAGE_LENGTH_MAX = 200
/** As in `550 5.7.1 …`. */
const ENHANCED_STATUS = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/

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
      if (!isEmailAddress(to)) throw new Error('a mail goes to one address')
      // As an object, an address is not read as a list of several.
      const mail = {
        from,
        to: { name: '', address: to },
        subject: oneLine(subject),
        text,
        headers: AUTOMATIC,
      }
      await transport.sendMail(mail).catch((error: unknown) => {
        throw failureOf(error)
      })
    },
  }
}

type SmtpError = {
  message: string
  code?: string
  command?: string
  response?: string
  responseCode?: number
}

/**
 * What went wrong, without the server's words: errors are logged and stand beside the job, and a server that does not want
 * a mail may repeat it, secrets and all.
 */
function failureOf(error: unknown): Error {
  const { message, code, command, response, responseCode } = error as SmtpError
  if (!response) return new Error(`no mail was sent: ${message.slice(0, MESSAGE_LENGTH_MAX)}`)
  const status = ENHANCED_STATUS.exec(response)?.[1]
  const told = [command, responseCode, status].filter(Boolean).join(' ')
  return new Error(`the mail server did not take the mail: ${code} (${told})`)
}
