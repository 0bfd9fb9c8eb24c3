import { describe, expect, test } from 'vitest'
import type { CameraTarget, Driver } from '../src/index.ts'
import { type ConformanceRun, expectCode, wrongPassword } from './conformance-run.ts'

const newPassword = 'Kv7-tQmX_3rWbZ9'

/** Nothing is asked of a driver whose protocol cannot set passwords. */
export function testPasswords({ module, options, begin, withFault }: ConformanceRun): void {
  const withPassword = (target: CameraTarget, password: string): CameraTarget => ({
    ...target,
    credentials: { user: target.credentials?.user ?? '', password },
  })

  /** Sets the password; gives how often the driver said that it is about to send it. */
  async function set(driver: Driver, password: string): Promise<{ announced: number; ended: Promise<void> }> {
    const state = { announced: 0 }
    const beforeSending = async () => {
      state.announced += 1
    }
    const ended = driver.setPassword?.({ password, beforeSending }, options()) ?? Promise.resolve()
    await ended.catch(() => undefined)
    return { ...state, ended }
  }

  async function lets(target: CameraTarget): Promise<boolean> {
    const driver = module.open(target)
    try {
      await driver.readIdentity(options())
      return true
    } catch (error) {
      await expectCode(Promise.reject(error), 'credentials-refused')
      return false
    } finally {
      await driver.close()
    }
  }

  describe(`${module.name}: new passwords`, () => {
    test('a new password counts, the one before no longer, and the user may do what it might', async () => {
      const { camera, driver } = await begin()
      if (!driver.setPassword) return
      const { announced, ended } = await set(driver, newPassword)
      await ended
      expect(announced).toBe(1)
      const target = withPassword(camera.target, newPassword)
      expect([await lets(target), await lets(camera.target)]).toEqual([true, false])
      const again = module.open(target)
      await (await set(again, 'Hb4_nYsD-8kUcE2')).ended
      await again.close()
      expect(await lets(withPassword(camera.target, 'Hb4_nYsD-8kUcE2'))).toBe(true)
    })

    test('a wrong password sets nothing, and is not announced', async () => {
      const { camera, driver } = await begin({}, wrongPassword)
      if (!driver.setPassword) return
      const { announced, ended } = await set(driver, newPassword)
      await expectCode(ended, 'credentials-refused')
      expect(announced).toBe(0)
      expect(camera.writes).toBe(0)
      expect(camera.refusedLogins).toBeLessThanOrEqual(2)
    })

    test('what fails before the request was sent keeps it from being sent', async () => {
      const { camera, driver } = await begin()
      if (!driver.setPassword) return
      const beforeSending = () => Promise.reject(new Error('the disk is full'))
      await expect(driver.setPassword({ password: newPassword, beforeSending }, options())).rejects.toThrow('disk')
      expect(camera.writes).toBe(0)
      expect(await lets(camera.target)).toBe(true)
    })

    test.each(['', 'pässwörd-Long-1', 'x'.repeat(65)])('%j is refused, and nothing is sent', async (password) => {
      const { camera, driver } = await begin()
      if (!driver.setPassword) return
      camera.fail({ kind: 'password-rules', rules: { maxLength: 64 } })
      const { announced, ended } = await set(driver, password)
      await expectCode(ended, 'password-refused')
      expect(announced).toBe(0)
      expect(camera.writes).toBe(0)
    })

    withFault('password-rules', 'a password that the rules of the camera forbid is refused', async () => {
      const { camera, driver } = await begin()
      camera.fail({ kind: 'password-rules', rules: { minLength: 20, special: 1 } })
      const error = await expectCode((await set(driver, newPassword)).ended, 'password-refused')
      expect(error).toMatchObject({ category: 'refused-by-device', retryable: false })
      expect(await lets(camera.target)).toBe(true)
      await (await set(driver, `${newPassword}${newPassword}`)).ended
      expect(await lets(withPassword(camera.target, `${newPassword}${newPassword}`))).toBe(true)
    })

    withFault(
      'password-refused',
      'a password that the camera refuses by a policy of its own changes nothing',
      async () => {
        const { camera, driver } = await begin()
        camera.fail({ kind: 'password-refused', words: 'This password was used before.' })
        await expectCode((await set(driver, newPassword)).ended, 'password-refused')
        expect(await lets(camera.target)).toBe(true)
      },
    )

    withFault(
      'password-reply-lost',
      'an answer that is lost leaves open which counts: an error worth a look',
      async () => {
        const { camera, driver } = await begin()
        camera.fail({ kind: 'password-reply-lost' })
        const { announced, ended } = await set(driver, newPassword)
        expect(await expectCode(ended, 'unreachable')).toMatchObject({ retryable: true })
        expect(announced).toBe(1)
        expect(await lets(withPassword(camera.target, newPassword))).toBe(true)
      },
    )
  })
}
