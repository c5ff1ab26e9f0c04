// The pages of the development issuer: choosing a person, signing out, and errors. Pure.
import escapeHtml from 'escape-html'
import { ACCESS_TOKEN_SECONDS, SESSION_SECONDS } from './lifetimes.ts'

/** The members of one demo tenant. */
export type DemoPeople = {
  readonly slug: string
  readonly name: string
  readonly members: readonly { readonly email: string; readonly name: string; readonly role: string }[]
}

/** After the choice the browser returns to the page that asked, which is on this machine. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  "form-action 'self' http://127.0.0.1:* http://localhost:*",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** `problem`: what was wrong with the previous choice. */
export function choosePage(tenants: readonly DemoPeople[], problem?: string): string {
  return page(
    'Choose who you are',
    `<p>This is the development issuer: it signs you in as anybody. In production your own identity provider takes its place.
An access token expires after ${ACCESS_TOKEN_SECONDS / 60} minutes, and the explorer renews it; the sign-in lasts ${SESSION_SECONDS / 86_400} days, or until the server stops.</p>
${problem === undefined ? '' : `<p class="problem">${escapeHtml(problem)}</p>`}
${tenants.map(tenantSection).join('\n')}
<section><h2>Somebody else</h2>
<form method="post" class="other">
<input name="email" type="email" required maxlength="254" placeholder="you@example.com" aria-label="e-mail address">
<label><input name="support" type="checkbox" value="true"> platform staff</label>
<button>Sign in</button>
</form></section>
<form method="post"><button name="cancel" value="true" class="plain">Cancel</button></form>`,
  )
}

export function messagePage(title: string, message: string): string {
  return page(title, `<p>${escapeHtml(message)}</p><p><a href="/graphiql">Sign in again</a></p>`)
}

/** `form`: the issuer's own, which the button submits. */
export function signOutPage(form: string): string {
  return page('Sign out?', `${form}<button form="op.logoutForm" name="logout" value="yes">Sign out</button>`)
}

function tenantSection({ slug, name, members }: DemoPeople): string {
  const buttons = members.map(
    ({ email, name: person, role }) =>
      `<button name="email" value="${escapeHtml(email)}"><b>${escapeHtml(person)}</b> ${escapeHtml(role.toLowerCase())}<br>${escapeHtml(email)}</button>`,
  )
  return `<section><h2>${escapeHtml(name)} <small>${escapeHtml(slug)}</small></h2><form method="post"><input type="hidden" name="tenant" value="${escapeHtml(slug)}">${buttons.join('')}</form></section>`
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 44rem; margin: 3rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem } small { color: #666; font-weight: normal }
section form { display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: .5rem; align-items: center }
button, input[type=email] { font: inherit; padding: .5rem .75rem; border: 1px solid #bbb; border-radius: 6px; background: #fff;
  text-align: left }
button { cursor: pointer } button:hover, button:focus { border-color: #06c }
.plain { border: 0; color: #06c; margin-top: 1.5rem } .problem { color: #b00 }
</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${body}
</body>
</html>
`
}
