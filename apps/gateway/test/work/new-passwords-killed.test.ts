import { describe, expect, test } from 'vitest'
import type { Site } from './gateway-fixture.ts'
import { ask, expectWorks, finalOf, fresh, loginFor, minuteMs, startSite, untilFinal } from './password-site.ts'

type Kill = (site: Site, kill: () => void) => void

const onWrite =
  (when: 'before' | 'after'): Kill =>
  (site, kill) => {
    site.camera().during = async (moment) => {
      if (moment.write === 'setPassword' && moment.when === when) kill()
    }
  }

/** Kills behind an operation of the folder or the store that concerns a change. */
function onFile(operation: 'writeJson' | 'remove', when: 'before' | 'after'): Kill {
  return ({ stateFolder }, kill) => {
    const real = stateFolder[operation] as (name: string, value?: unknown) => Promise<void>
    let isKilled = false
    Object.assign(stateFolder, {
      async [operation](name: string, value?: unknown) {
        const isMoment = name.startsWith('password-changes') && !isKilled
        isKilled ||= isMoment
        if (isMoment && when === 'before') {
          kill()
          // A killed process goes no further.
          await new Promise(() => undefined)
        }
        await real(name, value)
        if (isMoment) kill()
      },
    })
  }
}

const onSave: Kill = ({ cameras }, kill) => {
  const real = cameras.change
  cameras.change = async (deviceId, change) => {
    await real(deviceId, change)
    if (cameras.get(deviceId)?.credentials?.password === fresh) kill()
  }
}

describe('a gateway killed while it sets a password', () => {
  test.each<[string, Kill]>([
    ['before the change is written down', onFile('writeJson', 'before')],
    ['before the password is sent', onFile('writeJson', 'after')],
    ['when it was sent, before the camera does it', onWrite('before')],
    ['when the camera has done it', onWrite('after')],
    ['when the record holds the new one', onSave],
    ['before the change is dropped', onFile('remove', 'before')],
    ['when the change is dropped', onFile('remove', 'after')],
  ])('%s, ends with the password that counts', async (_, arrange) => {
    const login = loginFor(fresh)
    let isKilled = false
    let stopped: Promise<void> | null = null
    const site = await startSite((made) =>
      arrange(made, () => {
        if (isKilled) return
        isKilled = true
        stopped = made.stop()
      }),
    )
    ask(site, login)
    await site.clock.until(() => isKilled, { what: 'the kill' })
    await stopped
    site.platform.received.length = 0
    site.start()
    await site.clock.advance(5 * minuteMs)
    // What the platform does with what it was not told of.
    if (!finalOf(site, login.loginId)) ask(site, login)
    expect(await untilFinal(site, login)).toBeDefined()
    await expectWorks(site, site.camera().password)
    expect(site.camera().refusedLogins).toBeLessThanOrEqual(2)
  })
})
