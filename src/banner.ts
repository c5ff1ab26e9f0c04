// The text that the server prints at a terminal when it is ready.

interface Greeting {
  /** The server's URL, without a path. */
  url: string
  metricsUrl: string | null
  explorerUrl: string | null
  /** Null: mail is sent by SMTP, or there is none. */
  mailboxUrl: string | null
  /** The URL of the companion process; null: there is none. */
  companionUrl: string | null
  /** Since the start of the process. */
  readyMs: number
  isDemo: boolean
}

export function greet(greeting: Greeting, output: { write(text: string): unknown }): void {
  const { url, metricsUrl, explorerUrl, mailboxUrl, companionUrl, readyMs, isDemo } = greeting
  const addresses: [string, string | null][] = [
    ['GraphQL', `${url}/graphql`],
    ['Explorer', explorerUrl],
    ['Mailbox', mailboxUrl],
    ['Health', `${url}/readyz`],
    ['Metrics', metricsUrl],
    ['Sandbox', companionUrl],
  ]
  const lines = [
    `Bulkhead is ready (${(readyMs / 1_000).toFixed(1)} s).`,
    '',
    ...addresses.flatMap(([name, address]) => (address === null ? [] : [`  ${name.padEnd(10)}${address}`])),
    ...(isDemo ? DEMO : []),
    '',
  ]
  output.write(`${lines.join('\n')}\n`)
}

const DEMO = [
  '',
  'Demo tenants: acme (USD) and globex (EUR), each with owner@, admin@, staff@ and viewer@acme.example',
  '(or globex.example). A token for one of them:',
  '',
  '  npm run --silent bulkhead -- token --tenant acme --email owner@acme.example',
]
