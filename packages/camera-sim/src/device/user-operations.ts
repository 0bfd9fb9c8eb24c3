import type { CameraUser, UserLevel } from '../auth/access.ts'
import type { PasswordChanges, PasswordRefusal } from '../auth/password-change.ts'
import type { FaultSet } from '../faults.ts'
import { requiredText } from '../soap/envelope.ts'
import type { Operation, OperationContext } from '../soap/operation.ts'
import { SoapFault, faults as soapFaults } from '../soap/soap-fault.ts'
import { childNamed, type XmlElement } from '../xml/reader.ts'
import { type Xml, xml } from '../xml/writer.ts'

/** The users of one camera's ONVIF. */
export interface OnvifUsers {
  list: () => readonly CameraUser[]
  change: (user: CameraUser) => void
}

export interface UserOperationsOptions {
  users: OnvifUsers
  passwords: PasswordChanges
  faults: FaultSet
}

const levels: readonly UserLevel[] = ['Administrator', 'Operator', 'User']

/** Users of ONVIF Core 5: listing and changing them, and the rules for passwords. None are made or removed. */
export function userOperations({
  users,
  passwords,
  faults,
}: UserOperationsOptions): Readonly<Record<string, Operation>> {
  /** All or none: every user of the request is judged before one is changed. */
  function setUser({ body }: OperationContext): Xml {
    const wanted = body.children.filter(({ name }) => name === 'User').map(readUser)
    if (wanted.length === 0) throw soapFaults.invalidArgs('SetUser needs a User.')
    if (new Set(wanted.map(({ username }) => username)).size < wanted.length) {
      throw soapFaults.invalidArgs('A user is named twice.')
    }
    for (const { username, level } of wanted) {
      const known = users.list().some((user) => user.username === username)
      if (!known) throw soapFaults.invalidValue('UsernameMissing', `There is no user ${username}.`)
      if (!levels.includes(level)) throw prohibited('AnonymousNotAllowed', `${level} is no level of a user.`)
    }
    for (const { username, password } of wanted) {
      const refusal = passwords.judge({ user: username, password })
      if (refusal !== null) throw faultOf(refusal)
    }
    for (const user of wanted) passwords.take(() => users.change(user))
    return xml`<tds:SetUserResponse/>`
  }

  return {
    GetUsers: {
      access: 'READ_SYSTEM_SECRET',
      children: [],
      // Core forbids the password here, although the schema has a place for it.
      run: () => xml`
        <tds:GetUsersResponse>
          ${users.list().map(
            ({ username, level }) => xml`
              <tds:User><tt:Username>${username}</tt:Username><tt:UserLevel>${level}</tt:UserLevel></tds:User>`,
          )}
        </tds:GetUsersResponse>`,
    },
    SetUser: { access: 'WRITE_SYSTEM', children: ['User'], run: setUser },
    GetPasswordComplexityConfiguration: {
      access: 'READ_SYSTEM',
      children: [],
      run() {
        const rules = faults.get('passwordRules')
        if (rules === undefined) throw soapFaults.notSupported('GetPasswordComplexityConfiguration')
        const { minLength = 1, uppercase = 0, digits = 0, special = 0, blocksUserName = false } = rules
        return xml`
          <tds:GetPasswordComplexityConfigurationResponse>
            <tds:MinLen>${minLength}</tds:MinLen>
            <tds:Uppercase>${uppercase}</tds:Uppercase>
            <tds:Number>${digits}</tds:Number>
            <tds:SpecialChars>${special}</tds:SpecialChars>
            <tds:BlockUsernameOccurrence>${blocksUserName}</tds:BlockUsernameOccurrence>
          </tds:GetPasswordComplexityConfigurationResponse>`
      },
    },
  }
}

/** A password begins and ends with whatever it was sent with; only the other texts are trimmed. */
function readUser(element: XmlElement): CameraUser {
  const level = requiredText(element, 'UserLevel')
  return {
    username: requiredText(element, 'Username'),
    password: childNamed(element, 'Password')?.text ?? '',
    level: levels.find((one) => one === level) ?? 'Anonymous',
  }
}

function faultOf(refusal: PasswordRefusal): SoapFault {
  switch (refusal.kind) {
    case 'too-long':
      return prohibited('PasswordTooLong', 'The password is too long.')
    case 'too-weak':
      return prohibited('PasswordTooWeak', 'The password is too weak.')
    case 'by-policy':
      return new SoapFault(['Sender', 'ter:OperationProhibited'], refusal.words)
  }
}

const prohibited = (subcode: string, reason: string) =>
  new SoapFault(['Sender', 'ter:OperationProhibited', `ter:${subcode}`], reason)
