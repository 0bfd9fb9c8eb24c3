import { createHash } from 'node:crypto'
import type { EapPackage } from '../app-package.ts'
import type { ByteSource } from '../byte-source.ts'
import { PackageError } from '../package-error.ts'
import { readConfFacts } from './conf-facts.ts'
import { type EapFacts, invalid } from './eap-facts.ts'
import { readEapSignature } from './eap-signature.ts'
import { gunzip } from './gunzip.ts'
import { readManifestFacts } from './manifest-facts.ts'
import { parsePackageConf, parseParamConf } from './package-conf.ts'
import { readTar } from './read-tar.ts'

const files = { manifest: 'manifest.json', conf: 'package.conf', parameters: 'param.conf' }
const maxFileBytes = 1024 * 1024
const maxEntries = 10_000
/** Cameras have less room than this; deflate packs at most 1032 to 1. */
const unpackLimits = { maxBytes: 2 ** 30, maxRatio: 100, freeBytes: 32 * 1024 * 1024 }
const hashChunk = 1024 * 1024

/** Reads an .eap to its end, in bounded memory. Throws PackageError. */
export async function readEap(source: ByteSource): Promise<EapPackage> {
  const signature = await readEapSignature(source)
  const chunks = gunzip(source, signature?.signedBytes ?? source.size, unpackLimits)
  const found = await readTar(chunks, { wanted: new Set(Object.values(files)), maxFileBytes, maxEntries })
  const facts = readFacts(found)
  return { format: 'eap', ...facts, signature, size: source.size, sha256: await hash(source) }
}

function readFacts(found: ReadonlyMap<string, Buffer>): EapFacts {
  const manifestBytes = found.get(files.manifest)
  const confBytes = found.get(files.conf)
  const parameters = parseParamConf(found.get(files.parameters) ?? Buffer.alloc(0))
  const conf = confBytes === undefined ? null : readConfFacts(parsePackageConf(confBytes), parameters)
  if (manifestBytes !== undefined) return combine(manifestBytes, conf)
  if (conf === null) throw new PackageError('not-a-package', 'The file has neither a manifest.json nor a package.conf.')
  return conf
}

/** Cameras before AXIS OS 10.7 read package.conf, others the manifest: both must speak of the same app. */
function combine(manifestBytes: Buffer, conf: EapFacts | null): EapFacts {
  const manifest = readManifestFacts(manifestBytes)
  const architectures = manifest.architectures ?? conf?.architectures
  if (architectures === undefined) throw invalid('neither manifest.json nor package.conf names its architecture')
  if (conf === null) return { ...manifest, architectures }
  const [own, other] = [contradicting({ ...manifest, architectures }), contradicting(conf)]
  for (const [what, value] of Object.entries(own)) {
    if (value !== other[what])
      throw invalid(`its ${what} is ${value} in manifest.json and ${other[what]} in package.conf`)
  }
  return {
    ...manifest,
    architectures,
    label: manifest.label ?? conf.label,
    axisAppId: manifest.axisAppId ?? conf.axisAppId,
    minSdkVersion: manifest.minSdkVersion ?? conf.minSdkVersion,
    parameters: manifest.parameters.length > 0 ? manifest.parameters : conf.parameters,
  }
}

/** What must be the same in both; `1.2-3` of package.conf is `1.2.3` in a manifest. */
function contradicting({ appId, versionName, architectures }: EapFacts): Record<string, string> {
  return {
    'app name': appId,
    version: versionName.replace(/^(\d+\.\d+)-/, '$1.'),
    architecture: architectures.join() || 'all',
  }
}

async function hash(source: ByteSource): Promise<string> {
  const sha256 = createHash('sha256')
  const scratch = Buffer.allocUnsafe(hashChunk)
  for (let at = 0; at < source.size; at += hashChunk) {
    sha256.update(await source.read(at, Math.min(hashChunk, source.size - at), scratch))
  }
  return sha256.digest('hex')
}
