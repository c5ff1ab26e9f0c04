// A module's invalid declarations refuse the start, with all problems in one message.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { buildSchema } from '../../src/schema.ts'

const SCRIPT = fileURLToPath(new URL('./refused-schema.ts', import.meta.url))

it('names every problem at once', async () => {
  expect(() => buildSchema()).not.toThrow()
  const message = [
    'The GraphQL schema is refused:',
    'the error code ROOM_LOCKED has no description: ',
    'type Room shows records and has no permission: ',
    'Query.rooms has no permission, and neither has its type Room: ',
    'Query.rooms is an unbounded list: ',
    'Room.tags is an unbounded list: ',
    'type Room is a Node and has no prefix for its ids: ',
    'Export is sorted by byteCount: ',
  ]
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT])
  expect(JSON.parse(stdout)).toEqual({
    code: 'SERVICE_UNAVAILABLE',
    message: expect.stringMatching(new RegExp(`^${message.join('[^\\n]*\\n {2}')}[^\\n]*$`)),
  })
})
