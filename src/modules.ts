// The list of modules.
import { addColumnRules } from './db/column-rules.ts'
import { desk } from './desk/module.ts'
import { shop } from './shop/module.ts'

export const MODULES = [desk, shop] as const

for (const { columnRules } of MODULES) addColumnRules(columnRules)
