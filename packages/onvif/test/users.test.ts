import { expect, test } from 'vitest'
import { soap, soapFault, startRawCamera } from './raw-camera.ts'

const tds = 'xmlns:t="http://www.onvif.org/ver10/device/wsdl"'

const withCapabilities = (attributes: { security?: string; system?: string }) =>
  soap(
    `<t:GetServicesResponse ${tds}><t:Service><t:Namespace>http://www.onvif.org/ver10/device/wsdl</t:Namespace>` +
      '<t:XAddr>http://10.1.2.3/onvif/device_service</t:XAddr><t:Capabilities><t:Capabilities>' +
      `<t:Security ${attributes.security ?? ''}/><t:System ${attributes.system ?? ''}/>` +
      '</t:Capabilities></t:Capabilities></t:Service></t:GetServicesResponse>',
  )

test('a password is set with the level and the roles that the user has, escaped, and once', async () => {
  const users =
    '<t:User><Username>ann</Username><UserLevel>Extended</UserLevel><Extension><Roles>a b</Roles></Extension></t:User>'
  const camera = await startRawCamera(({ operation }) =>
    operation === 'GetUsers'
      ? soap(`<t:GetUsersResponse ${tds}>${users}</t:GetUsersResponse>`)
      : soap(`<t:SetUserResponse ${tds}/>`),
  )
  const client = camera.client()
  const [user] = await client.getUsers()
  expect(user).toEqual({ name: 'ann', level: 'Extended', roles: 'a b' })
  await client.setUser({ name: 'ann', level: 'Extended', roles: 'a b', password: 'a<&>b' })
  const sent = camera.requests.filter(({ operation }) => operation === 'SetUser')
  expect(sent).toHaveLength(1)
  expect(sent[0]?.body).toContain(
    '<tds:User xmlns:tt="http://www.onvif.org/ver10/schema"><tt:Username>ann</tt:Username>' +
      '<tt:Password>a&lt;&amp;&gt;b</tt:Password><tt:UserLevel>Extended</tt:UserLevel>' +
      '<tt:Extension><tt:Roles>a b</tt:Roles></tt:Extension></tds:User>',
  )
})

test('a password whose answer is lost is not sent a second time', async () => {
  const camera = await startRawCamera(() => undefined)
  const user = { name: 'ann', level: 'Administrator', roles: null, password: 'x' }
  await expect(camera.client().setUser(user)).rejects.toMatchObject({ code: 'unreachable' })
  expect(camera.requests).toHaveLength(1)
})

test.each([
  [{}, { areFixed: false, maxPasswordLength: null, tellsComplexity: false }],
  [
    { system: 'UserConfigNotSupported="true"', security: 'MaxPasswordLength="0"' },
    { areFixed: true, maxPasswordLength: null, tellsComplexity: false },
  ],
  [
    {
      system: 'UserConfigNotSupported="0"',
      security: 'MaxPasswordLength="28" SecurityPolicies="x PasswordComplexity"',
    },
    { areFixed: false, maxPasswordLength: 28, tellsComplexity: true },
  ],
])('what the capabilities %j say of users', async (attributes, told) => {
  const camera = await startRawCamera(() => withCapabilities(attributes))
  expect(await camera.client().getUserCapabilities()).toEqual(told)
})

test('rules that the camera leaves out, or writes as no number, ask for nothing', async () => {
  const rules = '<MinLen>9</MinLen><Number>two</Number><BlockUsernameOccurrence>1</BlockUsernameOccurrence>'
  const name = 'GetPasswordComplexityConfigurationResponse'
  const camera = await startRawCamera(() => soap(`<t:${name} ${tds}>${rules}</t:${name}>`))
  expect(await camera.client().getPasswordComplexity()).toEqual({
    ...{ minLength: 9, uppercase: 0, digits: 0, special: 0, blocksUserName: true },
  })
})

test('a fault of SetUser keeps its subcodes', async () => {
  const camera = await startRawCamera(() => soapFault(400, 'Sender', 'OperationProhibited', 'PasswordTooWeak'))
  const user = { name: 'ann', level: 'User', roles: null, password: 'x' }
  await expect(camera.client().setUser(user)).rejects.toMatchObject({
    ...{ code: 'rejected', retryable: false, fault: { subcodes: ['OperationProhibited', 'PasswordTooWeak'] } },
  })
})
