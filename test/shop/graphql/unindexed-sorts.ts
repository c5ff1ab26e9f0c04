// Prints the sorts without an index, before and after two are declared. It is a separate process, because declarations
// cannot be undone.
import { sortOf, sortOfRelation, unindexedSorts } from '../../../src/graphql/sorts.ts'
import '../../../src/schema.ts'

const before = unindexedSorts()
sortOf('Order', 'paidMinor')
sortOfRelation('Customer', 'orders', 'totalMinor')
process.stdout.write(JSON.stringify({ before, after: unindexedSorts() }))
