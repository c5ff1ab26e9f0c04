// The HTML of the schema's reference. Pure. Its content is the schema alone: no tenant's data. reference.js searches it.
import escapeHtml from 'escape-html'
import {
  type GraphQLArgument,
  type GraphQLNamedType,
  type GraphQLSchema,
  type GraphQLType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isScalarType,
  print,
} from 'graphql'
import {
  isPage,
  type Member,
  membersOf,
  type RootField,
  type Subject,
  subjectsOf,
} from './reference-model.ts'

/** The page of the whole schema. Permissions and costs come from the extensions of its types and fields. */
export function referencePage(schema: GraphQLSchema, nonce: string): string {
  const subjects = subjectsOf(schema)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Bulkhead: API reference</title>
<link rel="icon" href="data:,">
<style nonce="${nonce}">${STYLE}</style>
<script type="module" src="/reference/reference.js"></script>
</head>
<body>
<aside>
<header><a href="#top"><b>API reference</b></a> <a href="/graphiql">Explorer</a></header>
<input id="search" type="search" placeholder="Search ( / )" aria-label="search" autocomplete="off" spellcheck="false">
<ol id="results" hidden></ol>
<details id="subjects" open><summary>Subjects</summary>
<nav>${subjects.map(navigation).join('\n')}</nav>
</details>
</aside>
<main id="top">
<h1>API reference</h1>
<p>Every query, mutation and type, by subject. The conventions of ids, lists, errors, idempotency and cost are in docs/api.md,
and how to use the API from a frontend in docs/clients.md.</p>
<p><span class="needs">orders:read</span> is the permission that a query, a mutation or a field needs, and
<span class="cost">10 points</span> what a field costs beside what it returns.</p>
${subjects.map((subject) => section(subject)).join('\n')}
</main>
</body>
</html>
`
}

function navigation({ title, rootFields }: Subject): string {
  const fields = rootFields.map(
    ({ parent, field }) =>
      `<li><a href="#${parent}.${field.name}"><code>${field.name}</code></a>${parent === 'Mutation' ? ' <small>mutation</small>' : ''}</li>`,
  )
  return `<section><a href="#subject-${title}">${title}</a><ul>${fields.join('')}</ul></section>`
}

function section({ title, rootFields, types }: Subject): string {
  const ofRoot = (parent: RootField['parent']) => rootFields.filter((one) => one.parent === parent)
  const parts = [
    group('Queries', ofRoot('Query').map(rootCard)),
    group('Mutations', ofRoot('Mutation').map(rootCard)),
    group('Types', types.filter((type) => !isPage(type)).map(typeCard)),
    group('Pages of lists', types.filter(isPage).map(typeCard)),
  ]
  return `<section class="subject"><h2 id="subject-${title}"><a href="#subject-${title}">${title}</a></h2>${parts.join('')}</section>`
}

function group(title: string, cards: readonly string[]): string {
  return cards.length === 0 ? '' : `<h3>${title}</h3>${cards.join('\n')}`
}

function rootCard({ parent, field }: RootField): string {
  const id = `${parent}.${field.name}`
  return `<article id="${id}" data-kind="${parent === 'Query' ? 'query' : 'mutation'}">
<h4><a href="#${id}"><code>${field.name}</code></a><span class="type">: ${typeLink(field.type)}</span>${badges(field)}</h4>
${description(field)}${argumentList(id, field.args)}
</article>`
}

function typeCard(type: GraphQLNamedType): string {
  const { name } = type
  const interfaces = isObjectType(type) ? type.getInterfaces() : []
  const implementing =
    interfaces.length === 0
      ? ''
      : ` <small>implements ${interfaces.map((one) => typeLink(one)).join(', ')}</small>`
  const items = membersOf(type).map((member) => memberItem(name, member))
  const list = items.length === 0 ? '' : `<dl>${items.join('')}</dl>`
  const specified =
    isScalarType(type) && type.specifiedByURL != null
      ? `<p><a href="${escapeHtml(type.specifiedByURL)}" rel="noreferrer">Specification</a></p>`
      : ''
  return `<article id="${name}" data-kind="${kindOf(type)}">
<h4><a href="#${name}"><code>${name}</code></a> <span class="kind">${kindOf(type)}</span>${implementing}</h4>
${description(type)}${specified}${list}
</article>`
}

function kindOf(type: GraphQLNamedType): string {
  if (isEnumType(type)) return 'enum'
  if (isInputObjectType(type)) return 'input'
  if (isInterfaceType(type)) return 'interface'
  return isObjectType(type) ? 'type' : 'scalar'
}

function memberItem(parent: string, member: Member): string {
  const id = `${parent}.${member.name}`
  const isGone = member.deprecationReason != null
  const name = `<code>${isGone ? `<s>${member.name}</s>` : member.name}</code>`
  const type =
    member.type === undefined
      ? ''
      : `<span class="type">: ${typeLink(member.type)}${defaultOf(member)}</span>`
  const args = 'args' in member ? argumentList(id, member.args) : ''
  return `<dt id="${id}"><a href="#${id}">${name}</a>${type}${badges(member)}</dt>
<dd>${description(member)}${args}</dd>`
}

const PAGING: readonly string[] = ['first', 'after', 'last', 'before']

/** The arguments of paging, which every list has, are one line. */
function argumentList(id: string, args: readonly GraphQLArgument[]): string {
  if (args.length === 0) return ''
  const isPaged = PAGING.every((name) => args.some((argument) => argument.name === name))
  const items = args
    .filter(({ name }) => !isPaged || !PAGING.includes(name))
    .map(
      (argument) =>
        `<dt id="${id}.${argument.name}"><code>${argument.name}</code><span class="type">: ${typeLink(argument.type)}${defaultOf(argument)}</span></dt><dd>${description(argument)}</dd>`,
    )
  const paging = isPaged
    ? '<dt><code>first</code>, <code>after</code> or <code>last</code>, <code>before</code></dt><dd>One page.</dd>'
    : ''
  return `<dl class="arguments">${items.join('')}${paging}</dl>`
}

function defaultOf(member: Member): string {
  const value =
    member.astNode != null && 'defaultValue' in member.astNode ? member.astNode.defaultValue : undefined
  if (value !== undefined) return ` = ${escapeHtml(print(value))}`
  const given = 'defaultValue' in member ? member.defaultValue : undefined
  return given === undefined ? '' : ` = ${escapeHtml(JSON.stringify(given))}`
}

/** The permission of a field, or of the type that it returns, and its price. */
function badges({ extensions, type }: Pick<Member, 'extensions' | 'type'>): string {
  const { permission = type === undefined ? undefined : getNamedType(type).extensions.permission, cost } =
    extensions
  return [
    typeof permission === 'string' ? ` <span class="needs">${escapeHtml(permission)}</span>` : '',
    typeof cost === 'number' ? ` <span class="cost">${cost} points</span>` : '',
  ].join('')
}

function description({
  description: text,
  deprecationReason,
}: {
  readonly description?: string | null | undefined
  readonly deprecationReason?: string | null | undefined
}): string {
  const old = deprecationReason == null ? '' : `<p class="old">Deprecated: ${prose(deprecationReason)}</p>`
  return text ? `<p>${prose(text)}</p>${old}` : old
}

/** Escaped, with `code` between backticks. */
function prose(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>')
}

function typeLink(type: GraphQLType): string {
  const { name } = getNamedType(type)
  return String(type).replace(name, `<a href="#${name}">${name}</a>`)
}

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --dim: light-dark(#666, #aaa); --link: light-dark(#0a58ca, #7ab3ff);
  font: 15px/1.5 system-ui, sans-serif }
* { box-sizing: border-box }
html { scroll-padding-top: 1rem }
body { margin: 0; overflow-wrap: anywhere; display: grid; grid-template-columns: 17rem minmax(0, 1fr) }
a { color: var(--link); text-decoration: none } a:hover { text-decoration: underline }
code { font: .92em ui-monospace, monospace }
small, .kind { color: var(--dim); font-size: .8rem; font-weight: normal }
aside { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1rem; border-right: 1px solid var(--line);
  background: Canvas }
aside header { display: flex; justify-content: space-between; margin-bottom: .6rem }
aside header a:first-child { color: inherit }
#search { width: 100%; font: inherit; padding: .4rem .6rem; border: 1px solid var(--line); border-radius: 6px; background: Field;
  color: FieldText }
summary { color: var(--dim); cursor: pointer; margin: .7rem 0 .2rem }
nav section > a { display: block; font-weight: 600; margin-top: .6rem }
nav ul, #results { list-style: none; margin: 0; padding: 0 }
nav li { padding-left: .7rem }
#results { margin-top: .6rem } #results li { border-radius: 6px; padding: .15rem .4rem }
#results li[aria-selected=true] { background: var(--soft) } #results small { margin-left: .4rem; white-space: nowrap }
main { padding: 1rem 2rem 6rem; max-width: 60rem; min-width: 0 }
h1 { font-size: 1.6rem } h2 { font-size: 1.35rem; margin: 3rem 0 0; border-bottom: 1px solid var(--line) }
h2 a { color: inherit }
h3 { font-size: .8rem; text-transform: uppercase; letter-spacing: .06em; color: var(--dim); margin: 1.6rem 0 .4rem }
article { border: 1px solid var(--line); border-radius: 8px; padding: .7rem 1rem; margin: .7rem 0 }
article:target { border-color: var(--link); box-shadow: 0 0 0 1px var(--link) }
dt:target { background: light-dark(#fff3b0, #5a4a00) }
h4 { margin: 0; font-size: 1rem } h4 > a { font-weight: 600 }
.type { font: .92em ui-monospace, monospace; font-weight: normal }
p { margin: .3rem 0 } dl { margin: .5rem 0 0 } dt { padding: .25rem 0 0; border-top: 1px solid var(--soft); scroll-margin-top: 1rem }
dd { margin: 0 0 .25rem 1rem; color: var(--dim); font-size: .93em }
.arguments { border-left: 2px solid var(--line); padding-left: .8rem } .arguments dt { border: 0 }
.needs, .cost { font-size: .75rem; border: 1px solid var(--line); border-radius: 99px; padding: 0 .5rem; white-space: nowrap;
  font-weight: normal; color: light-dark(#7a4b00, #ffcf80) }
.cost { color: light-dark(#0b6b3a, #86e0ad) }
.old { color: light-dark(#a00000, #ff9a9a) }
@media (max-width: 50rem) {
  html { scroll-padding-top: 9rem }
  body { display: block }
  aside { height: auto; max-height: 75vh; border-right: 0; border-bottom: 1px solid var(--line); padding: .6rem 1rem; z-index: 1 }
  main { padding: 0 1rem 4rem } dt { scroll-margin-top: 0 }
}
`
