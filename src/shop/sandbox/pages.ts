// The sandbox's two HTML pages: an overview, and the bank that asks the buyer to confirm.
import { PAYMENT_METHODS } from './payment-methods.ts'

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}button{font:inherit;padding:.5rem 1rem;margin-right:1rem}td{padding:.25rem 1rem .25rem 0;vertical-align:top}'

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><style>${STYLE}</style><meta name="viewport" content="width=device-width"><main><h1>${title}</h1>${body}</main></html>`
}

export function welcomePage(): string {
  const rows = Object.entries(PAYMENT_METHODS).map(
    ([id, { does }]) => `<tr><td><code>${id}</code></td><td>${does}</td></tr>`,
  )
  const text =
    '<p>A payment provider for development: it speaks Stripe’s HTTP API, and moves no money. Any key of the form ' +
    '<code>sk_test_…</code> is an account of its own.</p>'
  return page(
    'Payment sandbox',
    `${text}<table><tr><th>Payment method</th><th>does</th></tr>${rows.join('')}</table>`,
  )
}

/** The form posts to the page's own address. */
export function bankPage(amount: string, isWaiting: boolean): string {
  if (!isWaiting) return page('Your bank', '<p>This payment no longer waits for you.</p>')
  const form =
    '<form method="post"><button name="answer" value="approve">Approve</button>' +
    '<button name="answer" value="decline">Decline</button></form>'
  return page('Your bank', `<p>Do you want to pay ${amount}?</p>${form}`)
}
