// The list of modules.
import { addAppendOnly } from './db/append-only.ts'
import { addColumnRules } from './db/column-rules.ts'
import { desk } from './desk/module.ts'
import { shop } from './shop/module.ts'

export const MODULES = [desk, shop] as const

for (const { columnRules, appendOnly } of MODULES) {
  addColumnRules(columnRules)
  addAppendOnly(appendOnly)
}
