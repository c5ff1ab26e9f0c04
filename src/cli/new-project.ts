// Writes a new project: a copy of the product's own files, with or without the shop. Installs nothing.
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import { writeSnapshot } from '../db/migrations/write-migration.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The parts of a project. Everything else in a checkout is installed, built, or data. */
const PARTS: readonly string[] = [
  '.ci',
  '.env.example',
  '.gitignore',
  '.oxlintrc.json',
  '.squawk.toml',
  'LICENSE',
  'README.md',
  'bench',
  'biome.json',
  'docs',
  'knip.json',
  'package-lock.json',
  'package.json',
  'prisma',
  'prisma.config.ts',
  'schema.graphql',
  'src',
  'test',
  'tools',
  'tsconfig.build.json',
  'tsconfig.json',
  'tsconfig.package.json',
  'vitest.config.ts',
]
/** Folders within the parts that installing, building and running create. */
const MADE: ReadonlySet<string> = new Set(['node_modules', 'generated', 'dist', '.data', 'coverage'])

/** The shop's code, tests, benchmarks and page, and the printed API, which `schema:print` writes again. */
const SHOP_PARTS: readonly string[] = [
  'src/shop',
  'test/shop',
  'prisma/schema/shop',
  'bench',
  'docs/money.md',
  'schema.graphql',
]
/** Folders of prisma/migrations. */
const SHOP_MIGRATION = /^\d+_shop_/

/** The part of package.json that is used. */
const NAMED = z.object({ name: z.string() })
/** npm's maximum length of a package name. */
const NAME_LENGTH_MAX = 214

/**
 * Writes the project to `directory`, which is created if it does not exist. Throws BAD_USER_INPUT for a directory that is not
 * empty, and for a name that no package can have.
 */
export async function newProject(
  directory: string,
  { withoutShop }: { readonly withoutShop: boolean },
): Promise<{ readonly directory: string; readonly name: string }> {
  const target = resolve(directory)
  const name = packageName(basename(target))
  await refuseFull(target)
  await copyProject(target)
  await rename(target, name)
  if (withoutShop) {
    await leaveShopOut(target)
    await writeFile(join(target, 'README.md'), readmeOf(name))
  }
  return { directory: target, name }
}

/** The files that a fresh clone has. */
export async function copyProject(target: string): Promise<void> {
  await mkdir(target, { recursive: true })
  for (const part of PARTS.filter((one) => existsSync(join(ROOT, one))))
    await cp(join(ROOT, part), join(target, part), {
      recursive: true,
      filter: (path) => !MADE.has(basename(path)),
    })
}

/** Throws NOT_FOUND for a project that has no shop. */
async function leaveShopOut(project: string): Promise<void> {
  const modules = join(project, 'src/modules.ts')
  const lines = (await readFile(modules, 'utf8')).split('\n')
  const left = lines.filter((line) => !line.includes('./shop/'))
  if (left.length === lines.length) throw new AppError('NOT_FOUND', 'There is no shop here to leave out.')
  await writeFile(modules, left.join('\n').replace('[desk, shop]', '[desk]'))
  for (const part of SHOP_PARTS) await rm(join(project, part), { recursive: true, force: true })
  const [schemaDir, migrationsDir] = [join(project, 'prisma/schema'), join(project, 'prisma/migrations')]
  await removeNamed(migrationsDir, SHOP_MIGRATION)
  await writeSnapshot({ schemaDir, migrationsDir })
  await edit(join(project, 'package.json'), (text) => text.replace(/^ *"bench": .*\n/m, ''))
  await edit(join(project, 'knip.json'), keepFoundation)
}

/** What only the shop and its tests use. */
const SHOP_DEPENDENCIES = [
  '@graphql-codegen/client-preset',
  '@graphql-codegen/core',
  '@graphql-codegen/fragment-matcher',
  '@types/qs',
  '@urql/core',
  'qs',
  'relay-runtime',
  'stripe',
]

/** What only the shop used stays for the project's own models: it is not dead code. */
function keepFoundation(knip: string): string {
  const kept = SHOP_DEPENDENCIES.map((name) => `\n    "${name}",`).join('')
  return knip
    .replace(/"entry": \[[^\]]*\]/, '"entry": ["{src,test,tools}/**/*.ts"]')
    .replace('"ignoreDependencies": [', (start) => start + kept)
}

async function removeNamed(folder: string, pattern: RegExp): Promise<void> {
  for (const name of await readdir(folder))
    if (pattern.test(name)) await rm(join(folder, name), { recursive: true })
}

async function refuseFull(directory: string): Promise<void> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    if (error.code === 'ENOTDIR') throw new AppError('BAD_USER_INPUT', `${directory} is a file.`)
    throw error
  })
  if (names.length > 0)
    throw new AppError('BAD_USER_INPUT', `${directory} is not empty: name an empty or a new folder.`)
}

function packageName(folder: string): string {
  const name = folder
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
  if (name !== '' && name.length <= NAME_LENGTH_MAX) return name
  throw new AppError('BAD_USER_INPUT', `A project cannot be named after the folder "${folder}".`)
}

async function rename(project: string, name: string): Promise<void> {
  const { name: former } = NAMED.parse(JSON.parse(await readFile(join(project, 'package.json'), 'utf8')))
  for (const file of ['package.json', 'package-lock.json'])
    await edit(join(project, file), (text) => text.replaceAll(`"name": "${former}",`, `"name": "${name}",`))
}

async function edit(path: string, change: (text: string) => string): Promise<void> {
  await writeFile(path, change(await readFile(path, 'utf8')))
}

const readmeOf = (name: string) => `# ${name}

A multi-tenant GraphQL backend made with Bulkhead: tenants, members, API keys, support access and a sealed audit, behind
PostgreSQL's row-level security. Your own models go on top: [docs/adding-a-model.md](docs/adding-a-model.md).

## Run it

With Node 20.19 or newer and npm:

\`\`\`sh
npm ci && npm start
npm ci && npm test
\`\`\`

The first start makes a database in \`.data\`. It has no tenant yet. In a second terminal, make one, and a token of its owner:

\`\`\`sh
npm run --silent bulkhead -- tenant create --slug first --name First --currency EUR --owner-email you@first.example
npm run --silent bulkhead -- token --tenant first --email you@first.example
\`\`\`

The API is at <http://127.0.0.1:4000/graphql>, its explorer at <http://127.0.0.1:4000/graphiql>. \`npm run schema:print\`
writes its schema to \`schema.graphql\`, to be committed. \`npm run check\` checks types, lint and more.

Where the pages in [docs/](docs/) show the tenants \`acme\` and \`globex\`, an order or a file in \`src/shop\`, they show
Bulkhead's example module, a shop, which this project was made without. Your own models get a module of their own, \`src/app\`,
with the first \`bulkhead add model\`. [docs/ARCHITECTURE.md](docs/ARCHITECTURE.md) is the map, and
[.env.example](.env.example) lists all settings.
`
