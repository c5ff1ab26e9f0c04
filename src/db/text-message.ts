// A message whose answer is one text: its statements are written as one buffer, and read without pg's Query and Result.
import { noteStatements } from './kept-statements.ts'
import type { DataRow, Submitted, Wire } from './pg-internals.ts'
import { closeMessage, type Literal, parseMessage, runMessage, SYNC } from './wire-format.ts'

/** A statement before the last one of a message; its rows are dropped. */
export type Ahead = {
  readonly text: string
  readonly name: string
  /** Its Bind and Execute. */
  readonly run: Uint8Array
}

export type TextStatement = {
  readonly text: string
  readonly values: readonly Literal[]
  /** Prepared under this name, which must identify one text; unnamed when it is empty. */
  readonly name?: string
}

export function aheadOf({ text, values, name = '' }: TextStatement): Ahead {
  return { text, name, run: runMessage(name, values) }
}

/**
 * Statements under one Sync, so all or none are done. The answer: the first column of the last one's first row, null when
 * there is none. An error in any statement is the message's error, and none after it is run.
 */
export class TextMessage implements Submitted<string | null> {
  // Plain properties, of the last statement until it is sent: a test replaces them to damage the wall in the process.
  text: string | undefined
  name: string | undefined
  callback: ((error: Error | null, answer: string | null) => void) | undefined
  readonly #values: readonly Literal[]
  readonly #ahead: readonly Ahead[]
  #last: { readonly text: string; readonly name: string } | undefined
  #kept: ReadonlySet<string> | undefined
  #answered = 0
  #hasRow = false
  #answer: string | null = null

  constructor(ahead: readonly Ahead[], { text, values, name = '' }: TextStatement) {
    this.text = text
    this.name = name
    this.#values = values
    this.#ahead = ahead
  }

  /** Whether the failed statement was parsed in an earlier message, not in this one. */
  get failedKept(): boolean {
    return this.#kept?.has(this.name ?? '') === true
  }

  submit(connection: Wire): null {
    const { text = '', name = '' } = this
    this.#last = { text, name }
    const { closed, kept } = noteStatements(connection, [...this.#ahead.map((ahead) => ahead.name), name])
    this.#kept = kept
    const parts: Uint8Array[] = closed.map(closeMessage)
    const prepared = new Set(kept)
    const prepare = (own: { readonly text: string; readonly name: string }): void => {
      if (prepared.has(own.name)) return
      if (own.name !== '') prepared.add(own.name)
      parts.push(parseMessage(own.name, own.text))
    }
    for (const ahead of this.#ahead) {
      prepare(ahead)
      parts.push(ahead.run)
    }
    prepare(this.#last)
    parts.push(runMessage(name, this.#values), SYNC)
    this.#expectNext()
    // As pg does: nothing is sent on a broken connection, whose end then fails this message.
    if (connection.stream.writable) connection.stream.write(Buffer.concat(parts))
    return null
  }

  /** At each ParseComplete pg records the name and the text as prepared: they must be those of the answered statement. */
  #expectNext(): void {
    const next = this.#ahead[this.#answered] ?? this.#last
    this.text = next?.text
    this.name = next?.name
  }

  handleDataRow({ fields }: DataRow): void {
    if (this.#hasRow || this.#answered < this.#ahead.length) return
    this.#hasRow = true
    this.#answer = fields[0] ?? null
  }

  handleCommandComplete(): void {
    this.#answered += 1
    this.#expectNext()
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete()
  }

  handleError(error: Error): void {
    const { callback } = this
    this.callback = undefined
    callback?.(error, null)
  }

  handleReadyForQuery(): void {
    this.callback?.(null, this.#answer)
  }

  handleCopyInResponse(connection: Wire): void {
    connection.sendCopyFail('a statement of one text has no data to copy')
    // The server skipped our Sync while it waited for data; without another it never answers again.
    connection.sync()
  }

  handleRowDescription(): void {}
  handlePortalSuspended(): void {}
  handleCopyData(): void {}
}
