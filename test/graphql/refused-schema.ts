// Prints the message for a schema with invalid declarations. It is a separate process, because declarations cannot be
// undone: they would also invalidate the schemas of other tests in the same process.
import '../support/every-module.ts'
import { builder } from '../../src/graphql/builder.ts'
import { Node } from '../../src/graphql/node.ts'
import { sortOf } from '../../src/graphql/sorts.ts'
import { describeUserErrors } from '../../src/graphql/user-errors.ts'
import { buildSchema } from '../../src/schema.ts'

const Room = builder.objectRef<{ readonly id: string }>('Room').implement({
  interfaces: [Node],
  extensions: { model: 'Room' },
  fields: (t) => ({ tags: t.stringList({ resolve: () => [] }) }),
})
builder.queryField('rooms', (t) => t.field({ type: [Room], resolve: () => [] }))
sortOf('Export', 'byteCount')
describeUserErrors(['ROOM_LOCKED'])
try {
  buildSchema()
  process.stdout.write('it was not refused')
} catch (error) {
  const { code, message } = error as { readonly code: string; readonly message: string }
  process.stdout.write(JSON.stringify({ code, message }))
}
