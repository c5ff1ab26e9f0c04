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

const SUBJECT_LENGTH_MAX = 200

/** A subject in one line: a name in it may hold whatever somebody typed. */
export function subjectLine(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, SUBJECT_LENGTH_MAX)
    .toWellFormed()
}
