// A module whose declarations are not fit: the start is refused, with all that is wrong in one message.
import { expect, it } from 'vitest'
import { builder } from '../../src/graphql/builder.ts'
import { Node } from '../../src/graphql/node.ts'
import { sortOf } from '../../src/graphql/sorts.ts'
import { buildSchema } from '../../src/schema.ts'

it('names every problem at once', () => {
  expect(() => buildSchema()).not.toThrow()
  const Room = builder.objectRef<{ readonly id: string }>('Room').implement({
    interfaces: [Node],
    extensions: { model: 'Room' },
    fields: (t) => ({ tags: t.stringList({ resolve: () => [] }) }),
  })
  builder.queryField('rooms', (t) => t.field({ type: [Room], resolve: () => [] }))
  sortOf('Order', 'paidMinor')
  const message = [
    'The GraphQL schema is not fit to be served:',
    'type Room shows records and needs no permission: ',
    'Query.rooms needs no permission, and neither does its type Room: ',
    'Query.rooms is a list that nothing bounds: ',
    'Room.tags is a list that nothing bounds: ',
    'type Room is a Node and has no prefix for its ids: ',
    'Order is sorted by paidMinor: ',
  ]
  expect(() => buildSchema()).toThrow(
    expect.objectContaining({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringMatching(new RegExp(`^${message.join('[^\\n]*\\n {2}')}[^\\n]*$`)),
    }),
  )
})
