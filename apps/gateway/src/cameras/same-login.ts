import type { CameraTarget } from '@ocelli/driver'

export type Login = NonNullable<CameraTarget['credentials']>

export const isSameLogin = (one: Login | null, other: Login | null): boolean =>
  one?.user === other?.user && one?.password === other?.password

/** What a camera says may quote what it was sent. */
export const withoutPassword = (text: string, { password }: Login): string =>
  password === '' ? text : text.replaceAll(password, '***')
