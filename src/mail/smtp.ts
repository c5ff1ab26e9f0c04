// Sends mail by SMTP. Stores nothing: the caller retries.
import { createTransport } from 'nodemailer'
import { isEmailAddress } from '../core/email.ts'
import { type Mail, type Mailer, oneLine } from './mailer.ts'

const CONNECTION_TIMEOUT_MS = 10_000
const GREETING_TIMEOUT_MS = 10_000
/** A server that is silent for so long will not answer. */
const SILENCE_TIMEOUT_MS = 30_000
/** Suppresses automatic replies such as absence notices: RFC 3834. */
const AUTOMATIC = { 'Auto-Submitted': 'auto-generated' }
const MESSAGE_LENGTH_MAX = 200
/** As in `550 5.7.1 …`. */
const ENHANCED_STATUS = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/

/**
 * `url`: smtp://user:password@host:587, or smtps:// for TLS from the start. `requireTls`: no mail is sent to a server
 * without STARTTLS; `?requireTLS=false` in the URL overrides it.
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
    // Nothing in a mail's content is read as a path or a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    async send({ to, subject, text }: Mail) {
      if (!isEmailAddress(to)) throw new Error('a mail goes to one address')
      // As an object, an address is not parsed as a list.
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
 * The error without the server's text: errors are logged and stored with the job, and a server that refuses a mail may
 * quote it, including secrets.
 */
function failureOf(error: unknown): Error {
  const { message, code, command, response, responseCode } = error as SmtpError
  if (!response) return new Error(`no mail was sent: ${message.slice(0, MESSAGE_LENGTH_MAX)}`)
  const status = ENHANCED_STATUS.exec(response)?.[1]
  const reason = [command, responseCode, status].filter(Boolean).join(' ')
  return new Error(`the mail server did not accept the mail: ${code} (${reason})`)
}
