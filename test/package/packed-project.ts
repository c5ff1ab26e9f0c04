// An empty project with the packed package in its node_modules, and the steps of a page that it follows.
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const NODE_MODULES = join(ROOT, 'node_modules')
const execute = promisify(execFile)

export interface PackedProject {
  directory: string
  /** The paths in the packed file. */
  packed: string[]
  write(path: string, text: string): Promise<void>
  /** Runs a line of a shell; returns its output. Throws with it when the line fails. */
  run(line: string, environment?: Record<string, string>): Promise<string>
  remove(): Promise<void>
}

/**
 * Builds and packs the package, and unpacks it into a project. Its dependencies are links to this checkout's: an install
 * from the registry takes a minute, and would fetch the same versions. Types that only this checkout needs are left out.
 */
export async function packedProject(): Promise<PackedProject> {
  const directory = await mkdtemp(join(tmpdir(), 'bulkhead-package-'))
  // Without the scripts of `npm pack`, which would also generate the client that other tests are using.
  await execute(
    join(NODE_MODULES, '.bin/tsc'),
    ['-p', 'tsconfig.package.json', '--outDir', join(ROOT, 'lib')],
    {
      cwd: ROOT,
    },
  )
  const { stdout } = await execute(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', directory],
    { cwd: ROOT },
  )
  const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }]
  await linkModules(join(directory, 'node_modules'))
  const home = join(directory, 'node_modules/bulkhead')
  await mkdir(home)
  await execute('tar', ['-xzf', join(directory, filename), '-C', home, '--strip-components=1'])
  await linkBins(home, join(directory, 'node_modules/.bin'))
  return {
    directory,
    packed: files.map(({ path }) => path),
    async write(path, text) {
      await mkdir(dirname(join(directory, path)), { recursive: true })
      await writeFile(join(directory, path), text)
    },
    async run(line, environment = {}) {
      const env = {
        PATH: `${join(NODE_MODULES, '.bin')}:${process.env.PATH}`,
        HOME: directory,
        ...environment,
      }
      try {
        return (await execute('sh', ['-c', line], { cwd: directory, env })).stdout
      } catch (cause) {
        const { stdout: said = '', stderr = '' } = cause as { stdout?: string; stderr?: string }
        throw new Error(`\`${line}\` failed:\n${said}${stderr}`, { cause })
      }
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}

/** What a user's project has of types, beside those that packages bring. */
const TYPES = ['node']

async function linkModules(target: string): Promise<void> {
  await mkdir(join(target, '@types'), { recursive: true })
  for (const name of TYPES) await symlink(join(NODE_MODULES, '@types', name), join(target, '@types', name))
  await mkdir(join(target, '.bin'))
  for (const name of await readdir(join(NODE_MODULES, '.bin')))
    await symlink(join(NODE_MODULES, '.bin', name), join(target, '.bin', name))
  for (const name of await readdir(NODE_MODULES))
    if (name !== '@types' && !name.startsWith('.'))
      await symlink(join(NODE_MODULES, name), join(target, name))
}

async function linkBins(home: string, target: string): Promise<void> {
  const { bin } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as {
    bin: Record<string, string>
  }
  for (const [name, path] of Object.entries(bin)) {
    await chmod(join(home, path), 0o755)
    await symlink(join(home, path), join(target, name))
  }
}

export type Step =
  | { kind: 'file'; path: string; text: string }
  | { kind: 'run'; line: string; answer: string | null }

/** The files and the commands of a page, in order. A `text` block is what the command before it prints. */
export function stepsOf(page: string): Step[] {
  const steps: Step[] = []
  for (const [, path, kind, text = ''] of page.matchAll(
    /(?:^`([^`\n]+)`:\n\n)?^```(\w*)\n([\s\S]*?)^```$/gm,
  )) {
    if (path !== undefined) steps.push({ kind: 'file', path, text })
    else if (kind === 'sh')
      for (const line of text.trim().split('\n')) steps.push({ kind: 'run', line, answer: null })
    else if (kind === 'text')
      steps[steps.length - 1] = { ...(steps.at(-1) as Step & { kind: 'run' }), answer: text }
  }
  return steps
}
