// The processes of a run: measured servers and the load generator. Each is ended by its own handle.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { BatchOrder, BatchResult, LoadOrder, LoadResult } from './load.ts'
import type { Usage } from './probe.ts'
import type { Peer } from './workloads.ts'

const START_WAIT_MS = 60_000
const POLL_MS = 50
const HOST = '127.0.0.1'

export type ServerProcess = {
  readonly peer: Peer
  readonly port: number
  /** Of its database, as a superuser. */
  readonly adminUrl: string
  usage(): Promise<Usage>
  /** The same after a garbage collection, without its time. */
  collected(): Promise<Usage>
  stop(): Promise<void>
}

export type LoadGenerator = {
  run(order: LoadOrder): Promise<LoadResult>
  batch(order: BatchOrder): Promise<BatchResult>
  stop(): Promise<void>
}

/** A server's entry point, relative to this folder, and its settings besides a port. */
export type ServerPlan = {
  readonly peer: Peer
  readonly adminUrl: string
  readonly file: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** Starts a server and waits until it accepts connections. `nodeOptions` are for profiles. */
export async function startServer(plan: ServerPlan, nodeOptions: readonly string[]): Promise<ServerProcess> {
  const port = await freePort()
  const child = fork(resolve(import.meta.dirname, plan.file), [...plan.args], {
    execArgv: ['--expose-gc', '--import', new URL('probe.ts', import.meta.url).href, ...nodeOptions],
    env: { PATH: process.env.PATH ?? '', ...plan.environment, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const deadline = Date.now() + START_WAIT_MS
  while (!(await accepts(port))) {
    if (child.exitCode !== null)
      throw new Error(`${plan.peer} ended at its start with code ${child.exitCode}`)
    if (Date.now() > deadline) throw new Error(`${plan.peer} did not start`)
    await sleep(POLL_MS)
  }
  return {
    peer: plan.peer,
    port,
    adminUrl: plan.adminUrl,
    usage: () => ask<Usage>(child, 'usage'),
    collected: () => ask<Usage>(child, 'usage after a collection'),
    stop: () => end(child),
  }
}

export function startLoadGenerator(): LoadGenerator {
  const child = fork(fileURLToPath(new URL('load.ts', import.meta.url)))
  async function send<Result>(order: LoadOrder | BatchOrder): Promise<Result> {
    const answer = await ask<{ result: Result } | { failure: string }>(child, order)
    if ('failure' in answer) throw new Error(answer.failure)
    return answer.result
  }
  return {
    run: (order) => send(order),
    batch: (order) => send(order),
    stop: () => end(child),
  }
}

function ask<T>(child: ChildProcess, question: string | object): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error('a process ended during the benchmark'))
    child.once('exit', onExit)
    child.once('message', (answer) => {
      child.off('exit', onExit)
      // Both ends of the channel are ours: the answer's type follows from the question.
      resolve(answer as T)
    })
    child.send(question)
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, HOST)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, HOST)
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  if (address === null || typeof address === 'string') throw new Error('there is no free port')
  return address.port
}
