// A mail, and the interface that sends it. smtp.ts sends by SMTP; development/mailbox.ts stores it.

/** Plain text, to one person. The sender is configured. */
export type Mail = {
  readonly to: string
  /** One line; control characters are removed. */
  readonly subject: string
  readonly text: string
}

export type Mailer = {
  /** Resolves when another server has accepted the mail; rejects when it was refused, or the outcome is unknown. */
  send(mail: Mail): Promise<void>
}

const LINE_LENGTH_MAX = 200
/** Line ends and bidi controls. */
const NO_TEXT = /[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]+/gu
/** The start of an encoded word (RFC 2047), which a mail program would decode. */
const ENCODED_WORD = /=(?=\?)/g

/** Text as a mail's subject: one line that looks like what it is. */
export function oneLine(text: string): string {
  return text
    .replaceAll(NO_TEXT, ' ')
    .replaceAll(ENCODED_WORD, '= ')
    .trim()
    .slice(0, LINE_LENGTH_MAX)
    .toWellFormed()
}
