// Mail by SMTP, to a real server: what arrives, what is refused, and that nothing can be injected.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Mailer } from '../../src/mail/mailer.ts'
import { createSmtpMailer } from '../../src/mail/smtp.ts'
import { headersOf, type Refusal, type SmtpServer, startSmtpServer, textOf } from '../support/smtp-server.ts'

const SECRET = 'vX8Jq0sZk3n5m7p9r1t3u5w7y9A1C3E5G7I9K1M3O5Q'
const MAIL = {
  to: 'jo@people.example',
  subject: 'Come in',
  text: `Hello Jo,\n\n  Token:   ${SECRET}\n.\nbye\n`,
}

let server: SmtpServer
let mailer: Mailer
beforeAll(async () => {
  server = await startSmtpServer()
  mailer = mailerTo(server.url)
})
beforeEach(() => {
  server.refuse(null)
  server.mails.length = 0
  server.lines.length = 0
})
afterAll(() => server?.close())

function mailerTo(url: string, requireTls = false): Mailer {
  return createSmtpMailer({ url, from: 'Shop <mail@shop.example>', requireTls })
}

async function failureOf(promise: Promise<void>): Promise<string> {
  return await promise.then(
    () => 'it was sent',
    (error: Error) => `${error.message} ${JSON.stringify(error)} ${error.cause ?? ''}`,
  )
}

it('a mail arrives as it was written, from the installation, to one person', async () => {
  await mailer.send(MAIL)
  const [mail] = server.mails
  expect(server.mails).toHaveLength(1)
  expect(mail).toMatchObject({ from: 'mail@shop.example', to: ['jo@people.example'] })
  if (mail === undefined) return
  expect(headersOf(mail)).toEqual(
    expect.arrayContaining([
      'From: Shop <mail@shop.example>',
      'To: jo@people.example',
      'Subject: Come in',
      'Auto-Submitted: auto-generated',
    ]),
  )
  expect(headersOf(mail).join()).toMatch(/Content-Type: text\/plain; charset=utf-8/)
  expect(textOf(mail).replaceAll('\r\n', '\n')).toBe(MAIL.text)
})

it('the user and password of the address are used for signing in', async () => {
  await mailerTo(server.url.replace('//', '//shop:pa%2Fss@')).send(MAIL)
  const plain = Buffer.from('\0shop\0pa/ss').toString('base64')
  expect(server.lines).toContain(`AUTH PLAIN ${plain}`)
})

it('where TLS is required, nothing is sent to a server without it, unless the URL allows that', async () => {
  expect(await failureOf(mailerTo(server.url, true).send(MAIL))).toMatch(/^(no mail|the mail server)/)
  expect(server.lines.join()).not.toMatch(/MAIL FROM|AUTH/)
  expect(server.mails).toEqual([])
  await mailerTo(`${server.url}?requireTLS=false`, true).send(MAIL)
  expect(server.mails).toHaveLength(1)
})

describe('a server that does not take it', () => {
  it.each<[string, Refusal, RegExp]>([
    ['greets with a refusal', { at: 'CONNECT', reply: '554 5.3.2 closed' }, /554|EPROTOCOL/],
    ['knows no such person', { at: 'RCPT', reply: '550 5.1.1 nobody here' }, /RCPT TO 550 5\.1\.1/],
    ['wants it later', { at: 'MAIL', reply: '451 4.3.0 later' }, /MAIL FROM 451 4\.3\.0/],
    ['repeats the mail that it refuses', { at: 'END', reply: '554 5.7.1 spam: $mail' }, /DATA 554 5\.7\.1/],
    ['hangs up when it has all', { at: 'END', reply: null }, /^no mail was sent: /],
  ])('%s: that is an error, without the words of the mail', async (_what, refusal, told) => {
    server.refuse(refusal)
    const failure = await failureOf(mailer.send(MAIL))
    expect(failure).toMatch(told)
    expect(failure).not.toContain(SECRET)
    expect(server.mails).toEqual([])
  })

  it('refuses the password: the error does not tell it', async () => {
    server.refuse({ at: 'AUTH', reply: '535 5.7.8 not hunter2' })
    const failure = await failureOf(mailerTo(server.url.replace('//', '//shop:hunter2@')).send(MAIL))
    expect(failure).toMatch(/EAUTH/)
    expect(failure).not.toContain('hunter2')
  })

  it('is missing: that is an error too', async () => {
    const gone = await startSmtpServer()
    await gone.close()
    expect(await failureOf(mailerTo(gone.url).send(MAIL))).toMatch(/ECONNREFUSED/)
  })
})

describe('no input adds a header, a line or a recipient', () => {
  it.each(['Bcc: thief@x.example', 'X-Own: 1', '\r\n\r\n<h1>another body</h1>'])(
    'a subject that ends in %j is one line',
    async (tail) => {
      for (const end of ['\r\n', '\n', '\r', '\u2028', '\u0085', '\0']) {
        server.mails.length = 0
        await mailer.send({ ...MAIL, subject: `Come in${end}${tail}` })
        const [mail] = server.mails
        expect(mail?.to).toEqual([MAIL.to])
        if (mail === undefined) continue
        expect(headersOf(mail).filter((line) => /^(bcc|x-own|cc):/i.test(line))).toEqual([])
        expect(textOf(mail).replaceAll('\r\n', '\n')).toBe(MAIL.text)
      }
    },
  )

  it.each([
    'a@x.example, b@x.example',
    'a@x.example\r\nRCPT TO:<b@x.example>',
    'a@x.example>\r\nBcc: b@x.example',
    'Jo <a@x.example>',
    '<a@x.example>',
    'group: a@x.example;',
    'a@x.example b@x.example',
    'a\u200B@x.example',
    '"a@x"@x.example',
    'a@@x.example',
    'a',
    '',
  ])('the address %j is sent nothing', async (to) => {
    expect(await failureOf(mailer.send({ ...MAIL, to }))).toMatch(/^a mail goes to one address/)
    expect(server.lines).toEqual([])
  })

  it('a text with a dot alone, or commands, ends nothing early', async () => {
    const text = 'one\n.\nRSET\nMAIL FROM:<a@x.example>\n..\nend\n'
    await mailer.send({ ...MAIL, text })
    expect(server.mails).toHaveLength(1)
    const [mail] = server.mails
    expect(mail && textOf(mail).replaceAll('\r\n', '\n')).toBe(text)
  })
})
