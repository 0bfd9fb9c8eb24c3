import { Listr, ListrLogger, ProcessOutput } from 'listr2'

/** Long work, told on stderr: a line that moves on a terminal, plain lines elsewhere. */
export interface Progress {
  /** Runs `work`, which may tell how far it is. */
  run<Value>(title: string, work: (tell: (text: string) => void) => Promise<Value>): Promise<Value>
}

interface ProgressOptions {
  say: (text: string) => void
  /** The terminal itself, for the line that moves; null: plain lines. */
  terminal: NodeJS.WriteStream | null
  nowMs: () => number
}

/** Where it cannot be overwritten, how far it is need not be told more often; and what has not changed, as a sign of life. */
const plainEveryMs = 10_000
const unchangedEveryMs = 60_000

export function createProgress({ say, terminal, nowMs }: ProgressOptions): Progress {
  if (!terminal) return plainProgress(say, nowMs)
  return {
    async run(title, work) {
      let value: { of: Awaited<ReturnType<typeof work>> } | null = null
      const list = new Listr(
        [
          {
            title,
            task: async (_, task) => {
              value = {
                of: await work((text) => {
                  task.title = `${title}: ${text}`
                }),
              }
            },
          },
        ],
        {
          renderer: 'default',
          rendererOptions: {
            logger: new ListrLogger({ processOutput: new ProcessOutput(terminal, terminal) }),
            // the line goes on saying what was done and how far; what went wrong is told once, by whoever ends the program
            showErrorMessage: false,
          },
          registerSignalListeners: false,
        },
      )
      await list.run()
      if (!value) throw new Error('The work has ended without a result.')
      return (value as { of: Awaited<ReturnType<typeof work>> }).of
    },
  }
}

function plainProgress(say: (text: string) => void, nowMs: () => number): Progress {
  return {
    async run(title, work) {
      say(`${title} ...`)
      let told = { text: '', atMs: nowMs() }
      return await work((text) => {
        if (nowMs() - told.atMs < (text === told.text ? unchangedEveryMs : plainEveryMs)) return
        told = { text, atMs: nowMs() }
        say(`${title}: ${text}`)
      })
    },
  }
}
