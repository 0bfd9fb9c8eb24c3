import type { CliCommand } from '../../cli-command.ts'
import { collect } from '../../flag-values.ts'
import type { Register } from '../../program.ts'
import type { ContentFlags } from './project-content.ts'

const load = () => import('./projects.ts')

export const registerProjects: Register = (program, run) => {
  const projects = program
    .command('projects')
    .description('named sets of people, devices and apps: who is in one sees what is')
  projects
    .command('list')
    .description('projects that you see')
    .examples('ocelli projects list')
    .action(() => run(async (context) => (await load()).listProjects(context)))
  projects
    .command('show')
    .description('a project and its members; for its devices: ocelli devices list --project')
    .argument('<project>', 'name or id')
    .examples('ocelli projects show Harbour')
    .action((project: string) => run(async (context) => (await load()).showProject(project, context)))
  projects
    .command('create')
    .description('a new project; you are its first member')
    .argument('<name>', 'how it is called')
    .option('--description <text>', 'what it is for')
    .examples('ocelli projects create Harbour --description "Quay 4 to 9"')
    .action((name: string, flags: { description?: string }) =>
      run(async (context) => (await load()).createProject(name, flags, context)),
    )
  projects
    .command('edit')
    .description('change its name or description')
    .argument('<project>', 'name or id')
    .option('--name <name>', 'how it is called')
    .option('--description <text>', 'what it is for')
    .examples('ocelli projects edit Harbour --name "Harbour south"')
    .action((project: string, flags: { name?: string; description?: string }) =>
      run(async (context) => (await load()).editProject(project, flags, context)),
    )
  projects
    .command('remove')
    .description('its devices and apps stay')
    .argument('<project>', 'name or id')
    .examples('ocelli projects remove Harbour --yes')
    .action((project: string) => run(async (context) => (await load()).removeProject(project, context)))
  for (const [change, description] of [
    ['assign', 'put people, devices and apps into a project; one that is refused does not keep the others back'],
    ['unassign', 'take people, devices and apps out of a project'],
  ] as const) {
    addContent(projects.command(change).description(description))
      .examples(
        `ocelli projects ${change} Harbour --user ann@example.com --device CAM1 --app com.example.counter`,
        `ocelli projects ${change} Harbour --devices-from ids.txt`,
      )
      .action((asked: string, flags: ContentFlags) =>
        run(async (context) => (await import('./project-content.ts')).changeContent(change, { asked, flags }, context)),
      )
  }
}

const addContent = (command: CliCommand): CliCommand =>
  command
    .argument('<project>', 'name or id')
    .option('--user <user>', 'e-mail address or user id; can be repeated', collect, [])
    .option('--device <id>', 'device id; can be repeated', collect, [])
    .option('--app <id>', 'app id; can be repeated', collect, [])
    .option('--devices-from <file>', 'ids of devices from a file, one a line; - reads what is piped in')
