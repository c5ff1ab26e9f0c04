// The HTML of GraphiQL's page. Pure. explorer.js signs in.

const defaultQuery = (fields: readonly string[]) => `# Choose the person and the tenant at the bottom right.
query Hello {
  viewer {
    member { name role }
    tenant { name currency }
    permissions
  }
${fields.map((field) => `  ${field}\n`).join('')}}
`

/** The page, which signs in with an issuer as its client. `firstFields`: root fields of its first query, besides `viewer`. */
export function graphiqlPage({
  issuer,
  clientId,
  firstFields,
  nonce,
}: {
  issuer: string
  clientId: string
  firstFields: readonly string[]
  nonce: string
}): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Bulkhead: GraphiQL</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/graphiql/graphiql.css">
<style nonce="${nonce}">
html, body, #root { height: 100%; margin: 0 }
#session { position: fixed; right: 12px; bottom: 8px; z-index: 10; font: 13px system-ui, sans-serif; color: #333;
  background: #fff; border: 1px solid #bbb; border-radius: 6px; padding: 4px 10px }
#session > * { font: inherit; margin-left: 8px }
</style>
</head>
<body>
<noscript>GraphiQL needs JavaScript.</noscript>
<div id="root"></div>
<div id="session"><span id="who">signing in…</span><select id="tenant" aria-label="tenant" hidden></select><button id="sign-in">Sign in as somebody else</button><a href="/reference" target="_blank">Reference</a></div>
<script id="settings" type="application/json">${inScript({ issuer, clientId, defaultQuery: defaultQuery(firstFields) })}</script>
<script nonce="${nonce}">
self.MonacoEnvironment = {
  globalAPI: false,
  getWorkerUrl: (moduleId, label) =>
    '/graphiql/' + (label === 'json' || label === 'graphql' ? label : 'editor') + '.worker.js',
}
</script>
<script src="/graphiql/graphiql.js"></script>
<script type="module" src="/graphiql/explorer.js"></script>
</body>
</html>
`
}

/** JSON that cannot end the script element around it. */
function inScript(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c')
}
