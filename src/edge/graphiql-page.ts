// The HTML of GraphiQL's page. Pure: the token and who it is for come in.

const TENANTS = ['acme', 'globex']
const ROLES = ['owner', 'admin', 'staff', 'viewer']

const DEFAULT_QUERY = `# Signed in as a demo member: choose another at the bottom right.
query Hello {
  viewer {
    member { name role }
    tenant { name currency }
    permissions
  }
  orders(first: 5) {
    nodes { number status total { amount currency } customer { name } }
  }
}
`

/** The page for one member; without a token GraphiQL works, and every answer is 401 until a header is typed in. */
export function graphiqlPage({
  email,
  token,
  nonce,
}: {
  email: string
  token: string | null
  nonce: string
}): string {
  const options = {
    endpoint: '/graphql',
    title: 'Bulkhead',
    defaultQuery: DEFAULT_QUERY,
    // Sent with every request, but neither shown in the editor nor kept in the browser's storage.
    additionalHeaders: token === null ? {} : { authorization: `Bearer ${token}` },
  }
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Bulkhead: GraphiQL</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/graphiql/graphiql.css">
<style nonce="${nonce}">
html, body, #root { height: 100%; margin: 0 }
#members { position: fixed; right: 12px; bottom: 8px; z-index: 10; font: 13px system-ui, sans-serif; color: #333;
  background: #fff; border: 1px solid #bbb; border-radius: 6px; padding: 4px 10px; max-height: 60vh; overflow: auto }
#members a { display: block; padding: 2px 0; color: #06c }
</style>
</head>
<body>
<noscript>GraphiQL needs JavaScript.</noscript>
<div id="root"></div>
<details id="members"><summary>${token === null ? 'not signed in' : escapeHtml(email)}</summary>${chooser()}</details>
<script nonce="${nonce}">
self.MonacoEnvironment = {
  globalAPI: false,
  getWorkerUrl: (moduleId, label) =>
    '/graphiql/' + (label === 'json' || label === 'graphql' ? label : 'editor') + '.worker.js',
}
</script>
<script src="/graphiql/graphiql.js"></script>
<script nonce="${nonce}">
YogaGraphiQL.renderYogaGraphiQL(document.querySelector('#root'), ${inScript(options)})
</script>
</body>
</html>
`
}

function chooser(): string {
  return TENANTS.flatMap((tenant) => ROLES.map((role) => `${role}@${tenant}.example`))
    .map((email) => `<a href="/graphiql?as=${email}">${email}</a>`)
    .join('')
}

/** JSON that cannot end the script it stands in. */
function inScript(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c')
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
