import { testDriverConformance } from '@ocelli/driver/test-suite'
import { afterAll } from 'vitest'
import { createPackages, createSimulatedHarness, quickDriver } from './simulated-harness.ts'

const packages = await createPackages()
afterAll(packages.remove)

testDriverConformance(quickDriver, createSimulatedHarness(packages))
