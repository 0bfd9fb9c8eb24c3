import type { Command, Option } from 'commander'

const isFile = (placeholder: string): boolean => /^(file|folder)/.test(placeholder)

/** Whether the last of these words, which is being typed, is the name of a file or folder. Pure. */
export function expectsFile(words: readonly string[], program: Command): boolean {
  const typed = words.at(-1) ?? ''
  let command = program
  let given = 0
  let open: Option | undefined
  for (const word of words.slice(0, -1)) {
    if (open) open = undefined
    else if (word.startsWith('-')) open = valueFlag(word, [command, program])
    else {
      const child = given === 0 ? command.commands.find((one) => one.name() === word) : undefined
      if (child) command = child
      else given++
    }
  }
  if (open) return isFile(/<([^>]+)>/.exec(open.flags)?.[1] ?? '')
  if (typed.startsWith('-')) return false
  const { registeredArguments: places } = command
  const place = places[given] ?? (places.at(-1)?.variadic ? places.at(-1) : undefined)
  // a bundle or a receipt is called so, and described as the file that it is
  return place !== undefined && (isFile(place.name()) || place.description === 'the file')
}

/** The flag, when a value follows it in the next word. */
function valueFlag(word: string, commands: readonly Command[]): Option | undefined {
  return commands.flatMap(({ options }) => options).find(({ long, required }) => long === word && required)
}
