// A small SMTP server for tests: accepts mail, or refuses it as configured. Implements the necessary part of RFC 5321,
// and AUTH PLAIN; no TLS.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

export interface ReceivedMail {
  from: string
  to: string[]
  /** The whole mail with its headers, as received. */
  data: string
}

/** A reply to a command in place of the usual one: `{ at: 'RCPT', reply: '550 5.1.1 nobody here' }`. */
export interface Refusal {
  at: 'CONNECT' | 'AUTH' | 'MAIL' | 'RCPT' | 'DATA' | 'END'
  /** Null: the connection is closed without a reply. `$mail` stands for the whole received mail. */
  reply: string | null
}

export interface SmtpServer {
  url: string
  port: number
  mails: ReceivedMail[]
  /** The clients' commands, line by line, without the mails. */
  lines: string[]
  /** From now on; null: none. */
  refuse(refusal: Refusal | null): void
  close(): Promise<void>
}

export async function startSmtpServer(): Promise<SmtpServer> {
  const mails: ReceivedMail[] = []
  const lines: string[] = []
  const sockets = new Set<Socket>()
  let refusal: Refusal | null = null
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {}) // clients may leave as they like
    converse(socket, { mails, lines, refusal: () => refusal })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `smtp://127.0.0.1:${port}`,
    port,
    mails,
    lines,
    refuse(next) {
      refusal = next
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

interface Desk {
  mails: ReceivedMail[]
  lines: string[]
  refusal(): Refusal | null
}

function converse(socket: Socket, desk: Desk): void {
  let mail: ReceivedMail = { from: '', to: [], data: '' }
  let isData = false

  /** Sends the usual reply, or the refusal; returns false for the latter. */
  function say(at: Refusal['at'], usual: string): boolean {
    const refusal = desk.refusal()
    if (refusal?.at !== at) {
      socket.write(`${usual}\r\n`)
      return true
    }
    if (refusal.reply === null) socket.destroy()
    else socket.write(`${refusal.reply.replace('$mail', mail.data.replaceAll(/\s+/g, ' '))}\r\n`)
    return false
  }

  function hear(line: string): void {
    if (isData) {
      if (line !== '.') {
        mail.data += `${line.replace(/^\./, '')}\r\n`
        return
      }
      isData = false
      if (say('END', '250 2.0.0 taken')) desk.mails.push(mail)
      mail = { from: '', to: [], data: '' }
      return
    }
    desk.lines.push(line)
    const address = /<([^>]*)>/.exec(line)?.[1] ?? ''
    switch (line.split(/[ :]/, 1)[0]?.toUpperCase()) {
      case 'EHLO':
        socket.write('250-mail.example\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n')
        return
      case 'STARTTLS':
        socket.write('502 5.5.1 there is none here\r\n')
        return
      case 'AUTH':
        say('AUTH', '235 2.7.0 welcome')
        return
      case 'MAIL':
        if (say('MAIL', '250 2.1.0 go on')) mail.from = address
        return
      case 'RCPT':
        if (say('RCPT', '250 2.1.5 go on')) mail.to.push(address)
        return
      case 'DATA':
        isData = say('DATA', '354 end with a dot')
        return
      case 'QUIT':
        socket.end('221 2.0.0 bye\r\n')
        return
      default:
        socket.write('250 2.0.0 as you say\r\n')
    }
  }

  let rest = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const heard = `${rest}${chunk}`.split('\r\n')
    rest = heard.pop() ?? ''
    for (const line of heard) hear(line)
  })
  say('CONNECT', '220 mail.example ESMTP')
}

/** The headers of a mail, unfolded, one line each. */
export function headersOf({ data }: ReceivedMail): string[] {
  return (data.split('\r\n\r\n', 1)[0] ?? '').replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n')
}

/** The text of a single-part mail, decoded. */
export function textOf(mail: ReceivedMail): string {
  const body = mail.data.slice(mail.data.indexOf('\r\n\r\n') + 4)
  const encoding = /^content-transfer-encoding: *(\S+)/im.exec(mail.data)?.[1]?.toLowerCase()
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString()
  if (encoding !== 'quoted-printable') return body
  const bytes = body
    .replaceAll(/=\r\n/g, '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}
