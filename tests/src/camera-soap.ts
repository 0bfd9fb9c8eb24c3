import { createHash, randomBytes } from 'node:crypto'
import type { SimulatedCamera } from '@ocelli/camera-sim'
import { cameraPassword } from './system.ts'

const path = '/onvif/appmgmt'

/** Places a license file on a camera as a technician's own tool would: one SOAP call, with HTTP Digest. */
export async function installLicense(
  camera: SimulatedCamera,
  { appId, licenseFile }: { appId: string; licenseFile: string },
): Promise<{ status: number; text: string }> {
  const body = `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>
    <a:InstallLicense xmlns:a="http://www.onvif.org/ver10/appmgmt/wsdl"><AppID>${appId}</AppID><License>${licenseFile}</License></a:InstallLicense>
  </s:Body></s:Envelope>`
  const send = (authorization?: string) =>
    fetch(`http://127.0.0.1:${camera.port}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/soap+xml; charset=utf-8', ...(authorization ? { authorization } : {}) },
      body,
    })
  const challenge = (await send()).headers.get('www-authenticate') ?? ''
  const answer = await send(answerTo(challenge))
  return { status: answer.status, text: await answer.text() }
}

/** RFC 7616 with MD5 and qop=auth, of which every camera offers at least one challenge. */
function answerTo(challenge: string): string {
  const part = (name: string) => new RegExp(`${name}="?([^",]+)`).exec(challenge)?.[1] ?? ''
  const hash = (text: string) => createHash('md5').update(text).digest('hex')
  const cnonce = randomBytes(8).toString('hex')
  const [realm, nonce, nc] = [part('realm'), part('nonce'), '00000001']
  const secret = hash(`admin:${realm}:${cameraPassword}`)
  const response = hash(`${secret}:${nonce}:${nc}:${cnonce}:auth:${hash(`POST:${path}`)}`)
  const quoted = Object.entries({
    username: 'admin',
    realm,
    nonce,
    uri: path,
    cnonce,
    response,
    opaque: part('opaque'),
  })
  return `Digest ${quoted.map(([name, value]) => `${name}="${value}"`).join(', ')}, algorithm=MD5, qop=auth, nc=${nc}`
}
