import type { Argument, Option } from 'commander'
import { CliCommand } from '../cli-command.ts'
import { exitCodeMeanings, exitCodes } from '../exit-code.ts'
import { createProgram } from '../program.ts'

/** docs/cli.md, from the program itself. */
export function writeReference(introduction: string): string {
  const nobody = () => {}
  const program = createProgram({ run: async () => {}, print: nobody, say: nobody })
  const lines = [
    introduction.trim(),
    '## Flags of every command',
    flagTable(program.options),
    '## Exit codes',
    exitCodeTable(),
    '## Commands',
    ...program.commands.filter((command) => isShown(command)).flatMap((command) => section(command, '')),
  ]
  return `${lines.join('\n\n')}\n`
}

function section(command: CliCommand | unknown, path: string): string[] {
  if (!(command instanceof CliCommand)) return []
  const name = `${path}${command.name()}`
  const children = command.commands.filter((child) => isShown(child))
  if (children.length > 0) {
    return [`### ${name}`, sentence(command.description()), ...children.flatMap((child) => section(child, `${name} `))]
  }
  return [
    `### ${name}`,
    sentence(command.description()),
    code([`ocelli ${name} ${usage(command)}`.trim()]),
    ...(command.registeredArguments.length > 0 ? [argumentTable(command.registeredArguments)] : []),
    ...(command.options.length > 0 ? [flagTable(command.options)] : []),
    ...(command.exampleLines.length > 0 ? ['Examples:', code(command.exampleLines)] : []),
  ]
}

const isShown = (command: { name(): string; _hidden?: boolean }): boolean =>
  command.name() !== 'help' && command._hidden !== true

function usage({ registeredArguments, options }: CliCommand): string {
  const places = registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`
    return argument.required ? `<${name}>` : `[${name}]`
  })
  const needed = options.filter(({ mandatory }) => mandatory).map(({ flags }) => flags)
  const hasMore = options.length > needed.length
  return [...places, ...needed, ...(hasMore ? ['[flags]'] : [])].join(' ')
}

const argumentTable = (all: readonly Argument[]): string =>
  table(
    ['argument', 'what'],
    all.map((one) => [`\`${one.name()}\``, withChoices(one.description, one.argChoices)]),
  )

const flagTable = (options: readonly Option[]): string =>
  table(
    ['flag', 'what'],
    options.map(({ flags, description, argChoices, defaultValue }) => [
      `\`${flags}\``,
      withChoices(description, argChoices) + (isTold(defaultValue) ? ` (default ${String(defaultValue)})` : ''),
    ]),
  )

const isTold = (value: unknown): boolean => typeof value === 'number' || typeof value === 'string'

const withChoices = (description: string, choices: readonly string[] | undefined): string =>
  choices ? `${description}: ${choices.map((choice) => `\`${choice}\``).join(', ')}` : description

const exitCodeTable = (): string =>
  table(
    ['code', 'meaning'],
    Object.entries(exitCodeMeanings).map(([name, meaning]) => [
      String(exitCodes[name as keyof typeof exitCodes]),
      meaning,
    ]),
  )

function table(heads: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n')
}

const code = (lines: readonly string[]): string => ['```sh', ...lines, '```'].join('\n')
const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
