import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkBroker } from '../features/channel/broker-check.ts'
import { ConfigError } from '../platform/config.ts'
import { type Environment, withCertificateAuthority } from './instance.ts'

const silenceMs = 2000

/** Proves what the broker refuses; 0 when all is well. */
export async function brokerCheckCommand(
  { url, gatewayUrl }: { url?: string; gatewayUrl?: string },
  environment: Environment,
): Promise<number> {
  if (!url) {
    throw new ConfigError(
      'Give --url or MQTT_URL. The built-in broker needs no check: it admits enrolled gateways only.',
    )
  }
  return await withCertificateAuthority(environment, async (ca, config) => {
    const findings = await checkBroker({
      ...{ url, ca, timeoutMs: silenceMs },
      gatewayUrl: gatewayUrl ?? config.mqttPublicUrl ?? url,
    })
    for (const { passed, code, detail } of findings)
      process.stdout.write(`${passed ? 'ok  ' : 'FAIL'} ${code}: ${detail}\n`)
    return findings.every(({ passed }) => passed) ? 0 : 1
  })
}

/** Writes what a broker needs to be one of this instance's: the CA, and a server certificate of it with its key. */
export async function brokerCertificateCommand(
  { name, out }: { name: string[]; out: string },
  environment: Environment,
): Promise<void> {
  await withCertificateAuthority(environment, async (ca) => {
    const { certPem, keyPem } = await ca.issueServerCertificate({ names: name })
    await mkdir(out, { recursive: true })
    await writeFile(join(out, 'ca.pem'), ca.certificatePem)
    await writeFile(join(out, 'broker.pem'), certPem)
    await writeFile(join(out, 'broker.key'), keyPem, { mode: 0o600 })
    process.stderr.write(`Written to ${out}: ca.pem, broker.pem, broker.key. Valid for 825 days: renew it in time.\n`)
  })
}
