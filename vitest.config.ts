import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // most tests wait for timers, cameras and databases: a second worker on two cores halves the time
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/{src,test}/**/*.test.ts', 'apps/{gateway,cli}/{src,test}/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'platform',
          include: ['apps/platform/{src,test}/**/*.test.ts'],
          globalSetup: './apps/platform/test/postgres/global-setup.ts',
          testTimeout: 20_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'system',
          include: ['tests/src/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
