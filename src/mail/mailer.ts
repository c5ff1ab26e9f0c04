// What a mail is, and the port that sends it. How: smtp.ts, and mailbox.ts for development.

/** Plain text, to one person. The sender is the installation's own. */
export type Mail = {
  readonly to: string
  /** One line; what is no text in it is left out. */
  readonly subject: string
  readonly text: string
}

export type Mailer = {
  /** Resolves when somebody else answers for the mail; rejects when it was not taken, or nobody knows. */
  send(mail: Mail): Promise<void>
}

const LINE_LENGTH_MAX = 200
/** What ends a line, or turns the text around it. */
const NO_TEXT = /[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]+/gu
/** What begins an encoded word (RFC 2047): a mail program would show in its place what it encodes. */
const ENCODED_WORD = /=(?=\?)/g

/** Text as a mail's subject: one line, which looks like what it is. */
export function oneLine(text: string): string {
  return text
    .replaceAll(NO_TEXT, ' ')
    .replaceAll(ENCODED_WORD, '= ')
    .trim()
    .slice(0, LINE_LENGTH_MAX)
    .toWellFormed()
}
