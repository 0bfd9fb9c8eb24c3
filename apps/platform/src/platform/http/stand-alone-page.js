// biome-ignore-all lint/correctness/noUnusedVariables: the pages' own scripts, which follow this one, use them
const at = (id) => document.getElementById(id)

function say(text, isWell = false) {
  at('said').classList.toggle('well', isWell)
  at('said').textContent = text
}

class Refused extends Error {
  constructor({ status, detail, retryAfterSeconds }) {
    super(
      retryAfterSeconds
        ? `Too many attempts. Try again in ${minutes(retryAfterSeconds)}.`
        : detail || 'The platform does not answer. Try again.',
    )
    this.status = status
  }
}

const minutes = (seconds) => (seconds < 90 ? `${Math.ceil(seconds)} seconds` : `${Math.ceil(seconds / 60)} minutes`)

/** The answer's JSON. Whatever is not well is thrown, with the platform's own sentence. */
async function call(method, path, body) {
  const headers = body ? { 'content-type': 'application/json' } : {}
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) }).catch(() => null)
  const answer = (await response?.json().catch(() => ({}))) ?? {}
  if (response?.ok) return answer
  throw new Refused({ ...answer, status: response?.status })
}

/** Does a form's work, one at a time. A failure is said at its first field that is wrong, unless `takes` takes it. */
function on(id, work, takes = (_error) => false) {
  at(id).addEventListener('submit', async (event) => {
    event.preventDefault()
    say('')
    const buttons = document.querySelectorAll('button')
    for (const button of buttons) button.disabled = true
    try {
      await work(event)
    } catch (error) {
      if (!takes(error)) {
        ;(at(id).querySelector('input:invalid') ?? at(id).querySelector('input'))?.focus()
        say(error.message)
      }
    }
    for (const button of buttons) button.disabled = false
  })
}
