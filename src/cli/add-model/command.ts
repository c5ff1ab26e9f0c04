// `bulkhead add model NAME FIELD…`: adds a model to this project, from its table to its test.
import { readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { Command } from 'commander'
import { systemClock } from '../../core/clock.ts'
import { ROOT, runProgram } from '../project-program.ts'
import { plainAction, report } from '../run.ts'
import type { NewModel } from './texts.ts'

/** The module of a project's own models. */
const OWN_MODULE = 'app'

export function addCommand(): Command {
  return new Command('add')
    .description('write code of your own into this project')
    .addCommand(addModelCommand())
}

function addModelCommand(): Command {
  return new Command('model')
    .description('add a model: its table, API, permissions, migration and test')
    .argument('<name>', 'the name of the model, as PriceList')
    .argument(
      '<field...>',
      'name:type, as email:email:unique price:money "status:enum(OPEN,CLOSED)" customer:Customer:optional',
    )
    .option('--module <name>', 'the folder of src that it belongs to; made if it is not there', OWN_MODULE)
    .option('--json', 'report as JSON')
    .action(
      plainAction(async (name: string, fields: string[], options: { module: string; json?: boolean }) => {
        const written = await add(name, fields, options.module)
        report(
          options,
          { written },
          `${written.map((path) => `wrote ${path}`).join('\n')}\n\nRead them, then: npm test -- test/${options.module}`,
        )
      }),
    )
}

async function add(name: string, texts: readonly string[], module: string): Promise<readonly string[]> {
  // Loaded here, since `bulkhead --help` does not need it.
  const [{ parseFields, parseModelName, parseModuleName }, { addModel }, { loadGraphql }] = await Promise.all(
    [import('./fields.ts'), import('./files.ts'), import('../../wiring.ts')],
  )
  const model = { name: parseModelName(name), fields: parseFields(texts) }
  // The used prefixes of ids are known when all types are loaded.
  await loadGraphql()
  const written = await addModel(ROOT, parseModuleName(module), model)
  runProgram('prisma', 'format')
  runProgram('prisma', 'generate')
  const migration = await writeMigrationOf(model)
  runProgram('biome', 'check', '--write', ...written.filter((path) => path.endsWith('.ts')))
  runProgram('node', 'tools/print-schema.ts')
  return [...written, migration, 'prisma/migrations/schema.snapshot.prisma', 'schema.graphql']
}

async function writeMigrationOf(model: NewModel): Promise<string> {
  const [{ writeMigration }, { inAlphabet, namesOf, searchText }] = await Promise.all([
    import('../../db/migrations/write-migration.ts'),
    import('./texts.ts'),
  ])
  const made = await writeMigration({
    name: `add_${namesOf(model.name).table}`,
    schemaDir: join(ROOT, 'prisma/schema'),
    migrationsDir: join(ROOT, 'prisma/migrations'),
    now: systemClock,
  })
  if (made === null) throw new Error('the schema has not changed')
  const sql = await readFile(made.path, 'utf8')
  await writeFile(made.path, `${inAlphabet(sql, model)}${searchText(model)}`)
  return relative(ROOT, made.path)
}
