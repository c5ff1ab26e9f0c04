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
  /** Instructions to print: for the demo tenants, or for making a first tenant; null: none. */
  tryOut: 'demo' | 'first tenant' | null
}

export function greet(greeting: Greeting, output: { write(text: string): unknown }): void {
  const { url, metricsUrl, explorerUrl, mailboxUrl, companionUrl, readyMs, tryOut } = greeting
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
    ...(tryOut === null ? [] : TRY_OUT[tryOut]),
    '',
  ]
  output.write(`${lines.join('\n')}\n`)
}

const TRY_OUT = {
  demo: [
    '',
    'Demo tenants: acme (USD) and globex (EUR), each with owner@, admin@, staff@ and viewer@acme.example',
    '(or globex.example). A token for one of them:',
    '',
    '  npm run --silent bulkhead -- token --tenant acme --email owner@acme.example',
  ],
  'first tenant': [
    '',
    'There are no demo tenants. Make one of your own, and a token of its owner:',
    '',
    '  npm run --silent bulkhead -- tenant create --slug first --name First --currency EUR --owner-email you@first.example',
    '  npm run --silent bulkhead -- token --tenant first --email you@first.example',
  ],
} as const
