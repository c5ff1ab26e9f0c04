// The benchmark's client must report a lost connection: otherwise a run waits for ever.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { Connection, encodeRequest } from '../../../bench/http.ts'

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'
const REQUEST = encodeRequest('/graphql', 'token', '{}')

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** A connection to a server that does `answer` at each request. */
async function connect(answer: (socket: Socket) => void): Promise<Connection> {
  const server = createServer((socket) => socket.on('data', () => answer(socket)).on('error', () => {}))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const connection = await Connection.open((server.address() as AddressInfo).port)
  stops.push(() => {
    connection.close()
    server.close()
  })
  return connection
}

test('requests on one connection are answered one after another', async () => {
  const connection = await connect((socket) => socket.write(ANSWER))
  for (let turn = 0; turn < 2; turn += 1) {
    const { status, body } = await connection.send(REQUEST)
    expect([status, body.toString()]).toEqual([200, '{}'])
  }
})

test('a connection that closes while a request waits rejects it', async () => {
  const connection = await connect((socket) => socket.destroy())
  await expect(connection.send(REQUEST)).rejects.toThrow('closed the connection')
})

test('a request on a connection that the server closed before is rejected', async () => {
  const connection = await connect((socket) => socket.end(ANSWER))
  await connection.send(REQUEST)
  // The end of the stream arrives after the answer.
  await new Promise((resolve) => setTimeout(resolve, 50))
  await expect(connection.send(REQUEST)).rejects.toThrow('closed the connection')
})

test('an answer without a length rejects the request', async () => {
  const connection = await connect((socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
  await expect(connection.send(REQUEST)).rejects.toThrow('without content-length')
})
