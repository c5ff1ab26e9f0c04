// `bulkhead new`: writes a new project. new-project.ts has its contents.
import { Command, Option } from 'commander'
import { plainAction, report } from './run.ts'

type Options = { readonly without?: 'shop'; readonly json?: boolean }

export function newCommand(): Command {
  return new Command('new')
    .description('write a new project: these sources under your own name')
    .argument('<directory>', 'the target; its name becomes the project’s')
    .addOption(new Option('--without <module>', 'leave a module out').choices(['shop']))
    .option('--json', 'report as JSON')
    .action(
      plainAction(async (directory: string, options: Options) => {
        const { newProject } = await import('./new-project.ts')
        const made = await newProject(directory, { withoutShop: options.without === 'shop' })
        report(options, made, `Made ${made.name}. Next: cd "${made.directory}" && npm ci && npm start`)
      }),
    )
}
