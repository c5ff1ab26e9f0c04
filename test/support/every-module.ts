// Runs before each test file: all modules are there, as they are in the product. The files of a worker share what was
// imported, and none may hold or fail by what another happened to import before it.
import '../../src/schema.ts'
// After the modules' own: permissions are told in the order in which they were defined.
import './example-permissions.ts'
