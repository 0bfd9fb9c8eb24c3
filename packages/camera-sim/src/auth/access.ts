/** Access classes of ONVIF Core; who may do what is its default access policy. */
export type AccessClass =
  | 'PRE_AUTH'
  | 'READ_SYSTEM'
  | 'READ_SYSTEM_SENSITIVE'
  | 'READ_SYSTEM_SECRET'
  | 'WRITE_SYSTEM'
  | 'UNRECOVERABLE'
  | 'READ_MEDIA'
  | 'ACTUATE'

/** Levels of ONVIF users (tt:UserLevel, but for `Extended`), from most to least; `Anonymous` may do what needs no login. */
export type UserLevel = 'Administrator' | 'Operator' | 'User' | 'Anonymous'

/** A user of ONVIF. The password is kept as it is: Digest and UsernameToken are reckoned with it. */
export interface CameraUser {
  username: string
  password: string
  level: UserLevel
}

const anonymous: readonly AccessClass[] = ['PRE_AUTH']
const user: readonly AccessClass[] = [...anonymous, 'READ_SYSTEM', 'READ_MEDIA']
const operator: readonly AccessClass[] = [...user, 'READ_SYSTEM_SENSITIVE', 'ACTUATE']
const administrator: readonly AccessClass[] = [...operator, 'READ_SYSTEM_SECRET', 'WRITE_SYSTEM', 'UNRECOVERABLE']

const policy: Readonly<Record<UserLevel, readonly AccessClass[]>> = {
  Anonymous: anonymous,
  User: user,
  Operator: operator,
  Administrator: administrator,
}

export function isAllowed(level: UserLevel, access: AccessClass): boolean {
  return policy[level].includes(access)
}
