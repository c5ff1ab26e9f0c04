// Follows docs/adding-a-model.md literally, in a copy of the project: its files, its commands, its answers.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { copyProject } from '../../../src/cli/new-project.ts'
import { type Section, type Step, sectionsOf } from './guide.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const GUIDES = ['docs/adding-a-model.md', 'docs/going-further.md']
/** The section that checks the types and runs the isolation tests takes a minute, and up to four on a busy machine. */
const SECTION_TIMEOUT_MS = 600_000
const READY_WAIT_MS = 120_000
const POLL_MS = 50
/** How much of an unexpected command output is shown. */
const SHOWN = 1_000
/** The minimum number of tests that the isolation suite makes of one model. */
const TESTS_MIN = 35

let copy: string
let server: { process: ChildProcess; ended: Promise<unknown>; url: string } | null = null
beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'bulkhead-adding-a-model-'))
  await chmod(copy, 0o755) // under root, PostgreSQL's own user passes through
  await copyProject(copy)
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  await run('npx prisma generate') // as npm ci does
}, SECTION_TIMEOUT_MS)
afterAll(async () => {
  await stop()
  await rm(copy, { recursive: true, force: true })
})

async function stop(): Promise<void> {
  if (server === null) return
  // The whole process group, as Ctrl-C in a terminal: a shell and npm are between us and the server.
  process.kill(-(server.process.pid as number), 'SIGTERM')
  await server.ended
  server = null
}

/** Without this run's settings: a user's environment, with free ports. */
const environment = () => ({
  PATH: process.env.PATH ?? '',
  HOME: process.env.HOME ?? '',
  PORT: '0',
  METRICS_PORT: '0',
})

/** `said`: all that it wrote so far; `printed`: its standard output alone. */
function start(line: string): { process: ChildProcess; said: () => string; printed: () => string } {
  const child = spawn(line, {
    shell: true,
    detached: true,
    cwd: copy,
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
  let printed = ''
  child.stdout.on('data', (text: string) => {
    printed += text
  })
  return { process: child, said: () => said, printed: () => printed }
}

/** Runs a line of a shell; returns its standard output. */
async function run(line: string): Promise<string> {
  const { process: child, said, printed } = start(line)
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`\`${line}\` failed (${code}):\n${said()}`)
  return printed()
}

async function serve(line: string): Promise<void> {
  await stop()
  const { process: child, said } = start(line)
  const ended = once(child, 'close')
  const deadline = Date.now() + READY_WAIT_MS
  for (;;) {
    const url = /http:\S+\/graphql\b/.exec(said())?.[0]
    if (url !== undefined) {
      server = { process: child, ended, url }
      return
    }
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`not ready:\n${said()}`)
    await sleep(POLL_MS)
  }
}

async function migrationFile(): Promise<string> {
  const directory = join(copy, 'prisma/migrations')
  const names = (await readdir(directory)).filter((name) => /^\d/.test(name)).toSorted()
  return join(directory, names.at(-1) ?? '', 'migration.sql')
}

const tokens = new Map<string, string>()

async function makeToken(email: string): Promise<string> {
  const tenant = /@(\w+)\./.exec(email)?.[1]
  return (await run(`npm run --silent bulkhead -- token --tenant ${tenant} --email ${email}`)).trim()
}

async function ask(as: string, query: string): Promise<unknown> {
  if (server === null) throw new Error('the guide has not started the server yet')
  const token = tokens.get(as) ?? (await makeToken(as))
  tokens.set(as, token)
  const response = await fetch(server.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  })
  const { extensions: _, ...answer } = (await response.json()) as Record<string, unknown>
  return answer
}

const ID = /\b[a-z]+_[0-9a-z]{26}\b/g
/** The guide's ids, and those that the server made instead. */
const ids = new Map<string, string>()

function expectAnswer(answer: unknown, promised: string): void {
  const made = JSON.stringify(answer).match(ID) ?? []
  for (const [index, id] of (promised.match(ID) ?? []).entries())
    if (!ids.has(id)) ids.set(id, made[index] ?? 'no id')
  expect(answer).toEqual(JSON.parse(asMade(promised)))
}

const asMade = (text: string) => text.replaceAll(ID, (id) => ids.get(id) ?? id)

let lastLine = ''
let lastAnswer: unknown

async function follow(step: Step): Promise<void> {
  switch (step.kind) {
    case 'file':
      return await writeOrShow(step.path, step.text)
    case 'change': {
      const parts = (await readFile(join(copy, step.path), 'utf8')).split(step.before)
      expect(parts, `${step.path} has, once:\n${step.before}`).toHaveLength(2)
      return await writeFile(join(copy, step.path), parts.join(step.after))
    }
    case 'command': {
      lastLine = step.line
      if (step.line === 'npm start') return await serve(step.line)
      const said = await run(step.line)
      if (step.line.startsWith('npm test'))
        expect(Number(/(\d+) passed, 0 failed/.exec(said)?.[1]), said.slice(-SHOWN)).toBeGreaterThanOrEqual(
          TESTS_MIN,
        )
      return
    }
    case 'sql': {
      const isWritten = lastLine.startsWith('npm run db:migration')
      lastLine = ''
      const path = await migrationFile()
      const written = await readFile(path, 'utf8')
      if (isWritten) return expect(written).toBe(step.text)
      // A file's first line, or its last ones.
      const isHeader = step.text.startsWith('-- squawk-ignore-file')
      return await writeFile(path, isHeader ? step.text + written : `${written}\n${step.text}`)
    }
    case 'operation':
      lastAnswer = await ask(step.as, asMade(step.text))
      return
    case 'answer':
      return expectAnswer(lastAnswer, step.text)
  }
}

/** Creates the file, or appends to it unless it contains the text. */
async function writeOrShow(path: string, text: string): Promise<void> {
  const present = existsSync(join(copy, path)) ? await readFile(join(copy, path), 'utf8') : null
  if (present?.includes(text) === true) return
  await mkdir(dirname(join(copy, path)), { recursive: true })
  await writeFile(join(copy, path), present === null ? text : `${present}\n${text}`)
}

let failed: string | null = null

async function followAll({ title, steps }: Section): Promise<void> {
  if (failed !== null) throw new Error(`"${failed}" failed before this`)
  failed = title
  for (const step of steps) await follow(step)
  failed = null
}

describe('the guides to adding a model, followed literally', () => {
  const sections = GUIDES.flatMap((path) => sectionsOf(readFileSync(join(ROOT, path), 'utf8')))
  it.each(sections)('$title', followAll, SECTION_TIMEOUT_MS)

  it(
    'leaves sources and migrations that pass the checks, whole walls, and every tenant’s rows filled',
    async () => {
      expect(failed, 'the guide could be followed').toBeNull()
      await run('npx biome check --error-on-warnings src test')
      await run('npm run check:sql')
      await run('npm run --silent bulkhead -- migrate')
      await run('npm run --silent bulkhead -- doctor')
      for (const as of ['viewer@acme.example', 'viewer@globex.example'])
        expect(
          await ask(as, '{ suppliers(query: "unknown.example", first: 1) { nodes { email } } }'),
        ).toEqual({
          data: { suppliers: { nodes: [{ email: expect.stringMatching(/@unknown\.example$/) }] } },
        })
    },
    SECTION_TIMEOUT_MS,
  )
})
