// The HTML of the mailbox. Pure.
import escapeHtml from 'escape-html'
import type { KeptMail } from './mailbox.ts'

/** The sent mails as text, newest first; URLs in them are links. */
export function mailboxPage({ mails, nonce }: { mails: readonly KeptMail[]; nonce: string }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Bulkhead: mailbox</title>
<link rel="icon" href="data:,">
<style nonce="${nonce}">
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem; margin: 0 }
header p, .about { color: #888; margin: .2rem 0 }
article { border: 1px solid #8886; border-radius: 8px; margin: 1.2rem 0; padding: .8rem 1.1rem }
h2 { font-size: 1.05rem; margin: 0 }
pre { font: 13px/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; margin: .8rem 0 0 }
</style>
</head>
<body>
<header>
<h1>Mailbox</h1>
<p>What this installation would have sent: there is no SMTP_URL. Reload the page to see what came since.</p>
</header>
<main>
${mails.length === 0 ? '<p>No mail yet.</p>' : mails.map(article).join('\n')}
</main>
</body>
</html>
`
}

function article({ to, subject, text, sentAt }: KeptMail): string {
  return `<article>
<h2>${escapeHtml(subject)}</h2>
<p class="about">To ${escapeHtml(to)}, <time datetime="${escapeHtml(sentAt)}">${escapeHtml(sentAt)}</time></p>
<pre>${linked(text)}</pre>
</article>`
}

const LINK = /https?:\/\/[^\s<>"]+/g

function linked(text: string): string {
  let html = ''
  let from = 0
  for (const match of text.matchAll(LINK)) {
    const [address] = match
    const safe = escapeHtml(address)
    html += `${escapeHtml(text.slice(from, match.index))}<a href="${safe}" rel="noreferrer">${safe}</a>`
    from = match.index + address.length
  }
  return html + escapeHtml(text.slice(from))
}
