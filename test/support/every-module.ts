// Runs before each test file: loads all modules, as in the product. The files of a worker share imported modules, and
// must not depend on what another file imported first.
import '../../src/schema.ts'
// After the modules: messages list permissions in the order of their definition.
import './example-permissions.ts'
