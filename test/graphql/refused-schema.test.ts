// Bad declarations of a module: the start is refused, with every problem in one message.
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
    'The GraphQL schema is refused:',
    'type Room shows records and has no permission: ',
    'Query.rooms has no permission, and neither has its type Room: ',
    'Query.rooms is an unbounded list: ',
    'Room.tags is an unbounded list: ',
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
