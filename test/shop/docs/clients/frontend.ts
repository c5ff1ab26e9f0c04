// The frontend of docs/clients.md: its blocks as files, with what its commands generate; and the same bundled, for tests to
// use.
import { execFile } from 'node:child_process'
import { cp, glob, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { preset } from '@graphql-codegen/client-preset'
import { codegen } from '@graphql-codegen/core'
import * as fragmentMatcher from '@graphql-codegen/fragment-matcher'
import { buildASTSchema, type DocumentNode, parse } from 'graphql'
import { build, type Plugin } from 'vite'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))
const GUIDE = join(ROOT, 'docs/clients.md')
const BLOCK =
  /(?:^`(?<above>[\w./-]+)`:\n\n)?^```(?:ts|js|json)\n(?:\/\/ (?<within>[\w./-]+)\n)?(?<text>[\s\S]*?)^```$/gm
const TAG = /graphql\(?`([^`]*)`\)?/g

/** What the guide takes for granted: a frontend that is compiled as strictly as TypeScript can. */
const TSCONFIG = {
  compilerOptions: {
    target: 'es2023',
    lib: ['es2023', 'dom'],
    module: 'esnext',
    moduleResolution: 'bundler',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noPropertyAccessFromIndexSignature: true,
    resolveJsonModule: true,
    types: [],
    noEmit: true,
    skipLibCheck: true,
  },
  include: ['src'],
}

export type Frontend = {
  /** Runs a program of node_modules/.bin in its folder; returns its output. */
  run(program: string, ...given: string[]): Promise<string>
  pathOf(file: string): string
  /** A module of `src`, bundled. */
  load<Module>(file: string): Promise<Module>
  remove(): Promise<void>
}

/** Writes the guide's files, and runs its generators. `app`: a folder that becomes `src/app`, on the guide's own modules. */
export async function makeFrontend({ app }: { app?: string } = {}): Promise<Frontend> {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-clients-'))
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), text)
  }
  for (const { path, text } of blocksOf(await readFile(GUIDE, 'utf8'))) await write(path, text)
  if (app !== undefined) await cp(app, join(dir, 'src/app'), { recursive: true })
  await write('tsconfig.json', JSON.stringify(TSCONFIG))
  await write('package.json', '{ "type": "module" }')
  await cp(join(ROOT, 'schema.graphql'), join(dir, 'schema.graphql'))
  await symlink(join(ROOT, 'node_modules'), join(dir, 'node_modules'))
  const run = async (program: string, ...given: string[]) =>
    (await promisify(execFile)(join(ROOT, 'node_modules/.bin', program), given, { cwd: dir })).stdout
  for (const [path, text] of await generated(dir)) await write(path, text)
  await run('node', 'introspection.mjs')
  await run('relay-compiler')
  await run('node', 'tada.mjs')
  return {
    run,
    pathOf: (file) => join(dir, file),
    load: async (file) => await import(pathToFileURL(await bundled(dir, file)).href),
    remove: () => rm(dir, { recursive: true, force: true }),
  }
}

function blocksOf(guide: string): { path: string; text: string }[] {
  return [...guide.matchAll(BLOCK)].map(({ groups }) => {
    const path = groups?.above ?? groups?.within
    if (path === undefined) throw new Error(`which file is this block?\n${groups?.text}`)
    return { path, text: groups?.text ?? '' }
  })
}

/**
 * What `graphql-codegen` writes for the guide's configuration. Its command line would be two hundred packages more than
 * the generator that it runs.
 */
async function generated(dir: string): Promise<[path: string, text: string][]> {
  const { default: config } = await import(pathToFileURL(join(dir, 'codegen.ts')).href)
  const schema = parse(await readFile(join(dir, config.schema), 'utf8'))
  const documents: { location: string; document: DocumentNode; rawSDL: string }[] = []
  const patterns = config.documents as string[]
  const excluded = patterns.filter((one) => one.startsWith('!')).map((one) => one.slice(1))
  const included = patterns.filter((one) => !one.startsWith('!'))
  for await (const location of glob(included, { cwd: dir, exclude: excluded })) {
    const source = await readFile(join(dir, location), 'utf8')
    for (const [, rawSDL = ''] of source.matchAll(TAG))
      documents.push({ location: join(dir, location), document: parse(rawSDL), rawSDL })
  }
  const files: [string, string][] = []
  for (const [output, { preset: named, presetConfig = {}, config: options = {} }] of Object.entries(
    // biome-ignore lint/suspicious/noExplicitAny: the guide's own configuration.
    config.generates as Record<string, any>,
  )) {
    const shared = { schema, schemaAst: buildASTSchema(schema), documents, config: options }
    const sections =
      named === 'client'
        ? await preset.buildGeneratesSection({
            ...shared,
            baseOutputDir: output,
            presetConfig,
            plugins: [],
            pluginMap: {},
          })
        : [
            {
              ...shared,
              filename: output,
              plugins: [{ 'fragment-matcher': {} }],
              pluginMap: { 'fragment-matcher': fragmentMatcher },
            },
          ]
    for (const section of sections) files.push([section.filename, await codegen(section)])
  }
  return files
}

/** Bundles a module as a frontend's build does; packages stay where they are. */
async function bundled(dir: string, file: string): Promise<string> {
  const outDir = join(dir, 'dist', file)
  await build({
    configFile: false,
    logLevel: 'silent',
    root: dir,
    plugins: [relay],
    build: {
      ssr: join(dir, file),
      outDir,
      minify: false,
      rolldownOptions: { output: { entryFileNames: 'index.mjs' } },
    },
  })
  return join(outDir, 'index.mjs')
}

/** A bundler's Relay plugin: puts the compiled document in place of each tag. */
const relay: Plugin = {
  name: 'relay',
  enforce: 'pre',
  transform(code, id) {
    if (!id.includes('/src/relay/') || id.includes('__generated__')) return null
    const imports: string[] = []
    const replaced = code.replaceAll(/graphql`\s*(?:query|mutation|fragment) (\w+)[^`]*`/g, (_tag, name) => {
      imports.push(`import ${name} from './__generated__/${name}.graphql'`)
      return name
    })
    return [...imports, replaced].join('\n')
  },
}
