// Owns: a real browser, driven by its own protocol (Chrome DevTools). Needs Chromium, which npm does not bring.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]
const START_WAIT_MS = 20_000
const UNTIL_WAIT_MS = 15_000
const POLL_MS = 50

/** Null: this machine has none, and the tests that need it are skipped. */
export const chromium: string | null = PLACES.find((path) => existsSync(path)) ?? null

export interface Page {
  goTo(url: string): Promise<void>
  /** The value of an expression in the page. */
  value<T>(expression: string): Promise<T>
  /** Waits until an expression is true, across navigations; fails with what the page shows. */
  until(expression: string): Promise<void>
  /** What the page complained of: errors, and what its policy refused. */
  complaints: string[]
  close(): Promise<void>
}

interface Message {
  id?: number
  method?: string
  // biome-ignore lint/suspicious/noExplicitAny: each method of the protocol has a shape of its own.
  params?: any
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  result?: any
  error?: { message: string }
}

/** Opens an empty page in a browser of its own, without history. */
export async function openPage(): Promise<Page> {
  const profile = await mkdtemp(join(tmpdir(), 'bulkhead-chromium-'))
  const { browser, port } = await startBrowser(profile)
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as {
    type: string
    webSocketDebuggerUrl: string
  }[]
  const target = targets.find(({ type }) => type === 'page')
  const protocol = await connect(target?.webSocketDebuggerUrl ?? '')
  await Promise.all(['Page.enable', 'Runtime.enable', 'Log.enable'].map((name) => protocol.send(name, {})))

  async function value<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await protocol.send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    })
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
    return result.value
  }

  return {
    value,
    complaints: protocol.complaints,
    goTo: async (url) => {
      await protocol.send('Page.navigate', { url })
    },
    async until(expression) {
      const deadline = Date.now() + UNTIL_WAIT_MS
      // While the page goes elsewhere there is nothing to ask.
      while (!(await value<boolean>(expression).catch(() => false))) {
        if (Date.now() > deadline) {
          const shown = await value<string>('location.href + "\\n" + document.body.innerText')
          throw new Error(`never true: ${expression}\n${shown}\n${protocol.complaints.join('\n')}`)
        }
        await sleep(POLL_MS)
      }
    },
    async close() {
      const ended = new Promise((resolve) => browser.once('exit', resolve))
      browser.kill('SIGKILL')
      await ended
      await rm(profile, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function startBrowser(profile: string): Promise<{ browser: ChildProcess; port: string }> {
  const flags = [
    '--headless=new',
    '--remote-debugging-port=0',
    '--no-first-run',
    '--disable-gpu',
    '--no-sandbox',
  ]
  const browser = spawn(chromium ?? '', [...flags, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const timer = setTimeout(() => browser.kill('SIGKILL'), START_WAIT_MS)
  for await (const line of createInterface({ input: browser.stderr })) {
    const port = /DevTools listening on ws:\/\/[^:]+:(\d+)/.exec(line)?.[1]
    if (port === undefined) continue
    clearTimeout(timer)
    browser.stderr.resume()
    return { browser, port }
  }
  throw new Error('Chromium did not start')
}

async function connect(url: string) {
  const socket = new WebSocket(url)
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', () => reject(new Error(`no connection to ${url}`)))
  })
  const waiting = new Map<number, (message: Message) => void>()
  const complaints: string[] = []
  let lastId = 0
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as Message
    if (message.id !== undefined) waiting.get(message.id)?.(message)
    if (message.method === 'Runtime.exceptionThrown') {
      const { text, exception } = message.params.exceptionDetails
      complaints.push(`${text} ${exception?.description ?? ''}`)
    }
    if (message.method === 'Log.entryAdded' && message.params.entry.level === 'error') {
      complaints.push(message.params.entry.text)
    }
  })
  return {
    complaints,
    // biome-ignore lint/suspicious/noExplicitAny: each method of the protocol answers in a shape of its own.
    send(method: string, params: object): Promise<any> {
      lastId += 1
      const id = lastId
      socket.send(JSON.stringify({ id, method, params }))
      return new Promise((resolve, reject) => {
        waiting.set(id, ({ result, error }) => {
          waiting.delete(id)
          if (error) reject(new Error(`${method}: ${error.message}`))
          else resolve(result)
        })
      })
    },
  }
}
