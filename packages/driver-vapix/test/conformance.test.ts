import { testDriverConformance } from '@ocelli/driver/test-suite'
import { afterAll } from 'vitest'
import { createAxisHarness, createPackages, quickDriver } from './axis-harness.ts'

const packages = await createPackages()
afterAll(packages.remove)

testDriverConformance(quickDriver, createAxisHarness(packages))
