import type { DriverModule } from '../src/index.ts'
import type { ConformanceHarness } from './conformance-camera.ts'
import { createRun } from './conformance-run.ts'
import { testFindingOut } from './finding-out.ts'
import { testInstalling } from './installing.ts'
import { testLogins } from './logins.ts'
import { testPasswords } from './passwords.ts'
import { testRemoving } from './removing.ts'
import { testRunning } from './running.ts'

export type { CameraFault, CameraSetup, ConformanceCamera, ConformanceHarness } from './conformance-camera.ts'
export { awaitLinkLocal, createNamespaces, type NetworkNamespaces } from './network-namespaces.ts'

/** Registers what every driver must do, whatever its protocol. Call it at the top of a test file. */
export function testDriverConformance(module: DriverModule, harness: ConformanceHarness): void {
  const run = createRun(module, harness)
  testFindingOut(run)
  testLogins(run)
  testPasswords(run)
  testInstalling(run)
  testRunning(run)
  testRemoving(run)
}
