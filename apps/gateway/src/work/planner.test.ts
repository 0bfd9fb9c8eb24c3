import { describe, expect, test } from 'vitest'
import {
  begun,
  camera,
  fresh,
  installed4,
  listedAs,
  onDisk,
  outcome,
  packageOf,
  type Rows,
  updateFrom,
  v41,
} from '../../test/work/plan-case.ts'

const tables: Record<string, Rows> = {
  'first install': [
    ['fetches the package first', {}, 'download'],
    ['uploads what is on disk', { input: onDisk }, 'upload'],
    ['asks for the license after the upload', { seen: camera('4.0.0'), memory: begun({ began: fresh }) }, 'license'],
    [
      'is converged with version and license in place, running or not',
      { seen: camera('4.0.0'), memory: { ...begun({ began: fresh }), license: installed4.license ?? null } },
      'CONVERGED',
    ],
    ['needs no license step without a license', { wish: { license: null }, seen: camera('4.0.0') }, 'CONVERGED'],
    [
      'starts the app last when running is wanted',
      { wish: { running: 'RUNNING' }, seen: camera('4.0.0'), memory: { ...installed4, ...begun({ began: fresh }) } },
      'start',
    ],
    [
      'stops an app that the camera started by itself when standing still is wanted',
      { wish: { running: 'NOT_RUNNING' }, seen: camera('4.0.0', 'RUNNING'), memory: installed4 },
      'stop',
    ],
    ['waits while the camera is still installing', { seen: camera('4.0.0', 'INSTALLING') }, 'await INSTALL'],
    ['waits for a removal that is under way', { seen: camera('4.0.0', 'UNINSTALLING') }, 'await UNINSTALL'],
    [
      'gives up when the camera takes the package twice and never lists it',
      { memory: begun({ began: fresh, done: { UPLOAD: 2 } }), input: onDisk },
      'FAILED app-vanished',
    ],
    ['fails without package and without app', { wish: { package: null } }, 'FAILED app-not-found'],
  ],
  adoption: [
    ['only places the license on an app in the same version', { seen: camera('4.0.0', 'RUNNING') }, 'license'],
    ['leaves the running state alone', { wish: { license: null }, seen: camera('4.0.0', 'RUNNING') }, 'CONVERGED'],
    ['uploads over another version', { wish: { package: v41 }, seen: camera('4.0.0'), input: onDisk }, 'upload'],
    ['works without package when the app is there', { wish: { package: null }, seen: camera('9') }, 'license'],
  ],
  update: [
    ['uploads', { wish: { package: v41 }, seen: camera('4.0.0'), memory: installed4, input: onDisk }, 'upload'],
    [
      'starts again what ran before, though the camera stopped it',
      {
        wish: { package: v41 },
        seen: camera('4.1.1'),
        memory: { ...installed4, ...begun({ began: updateFrom('RUNNING'), done: { UPLOAD: 1 } }) },
      },
      'start',
    ],
    [
      'stops again what stood still before, though the camera started it',
      {
        wish: { package: v41 },
        seen: camera('4.1.1', 'RUNNING'),
        memory: { ...installed4, ...begun({ began: updateFrom('NOT_RUNNING'), done: { UPLOAD: 1 } }) },
      },
      'stop',
    ],
    [
      'obeys a wish to stand still over what ran before',
      {
        wish: { package: v41, running: 'NOT_RUNNING' },
        seen: camera('4.1.1'),
        memory: { ...installed4, ...begun({ began: updateFrom('RUNNING'), done: { UPLOAD: 1 } }) },
      },
      'CONVERGED',
    ],
    [
      'ends in what an overtaken update began with',
      {
        wish: { package: v41, revision: 8 },
        seen: camera('4.1.1', 'NOT_RUNNING'),
        memory: { ...installed4, ...begun({ began: updateFrom('RUNNING'), step: 'UPLOAD' }) },
      },
      'start',
    ],
    [
      'does not place the license it has placed before',
      {
        wish: { package: v41 },
        seen: camera('4.1.1'),
        memory: { ...installed4, ...begun({ began: updateFrom('NOT_RUNNING') }) },
      },
      'CONVERGED',
    ],
    [
      'knows its own package by the words the camera had for it',
      {
        wish: { package: v41 },
        seen: camera('build 24'),
        memory: {
          ...installed4,
          installed: { packageId: v41.packageId, version: '4.1.1', versionCode: 24, listedAs: 'build 24' },
        },
      },
      'CONVERGED',
    ],
    [
      'uploads a package of the same version name and a higher version code',
      { wish: { package: packageOf('4.0.0', 23) }, seen: camera('4.0.0'), memory: installed4 },
      'download',
    ],
  ],
  downgrade: [
    ['is refused by our own version code', { seen: camera('x'), memory: listedAs('x', v41) }, 'FAILED downgrade'],
    ['is refused by dotted versions', { seen: camera('4.0.1') }, 'FAILED downgrade'],
    [
      'is refused when asked for on a driver that cannot',
      { wish: { allowDowngrade: true }, seen: camera('4.0.1') },
      'FAILED downgrade',
    ],
    [
      'is refused on a driver that can when not asked for',
      { seen: camera('4.0.1'), input: { downgrade: 'IN_PLACE' } },
      'FAILED downgrade',
    ],
    [
      'is done when asked for and possible',
      { wish: { allowDowngrade: true }, seen: camera('4.0.1'), input: { downgrade: 'IN_PLACE' } },
      'download',
    ],
    [
      'fetches the older package before anything is removed for it',
      { wish: { allowDowngrade: true }, seen: camera('4.0.1'), input: { downgrade: 'REINSTALL' } },
      'download',
    ],
    [
      'removes the app where the camera takes no older version over a newer one',
      { wish: { allowDowngrade: true }, seen: camera('4.0.1'), input: { ...onDisk, downgrade: 'REINSTALL' } },
      'make-way',
    ],
    [
      'uploads over the newer version where the camera takes that',
      { wish: { allowDowngrade: true }, seen: camera('4.0.1'), input: { ...onDisk, downgrade: 'IN_PLACE' } },
      'upload',
    ],
    [
      'removes nothing for a newer version',
      { wish: { allowDowngrade: true }, seen: camera('3.9'), input: { ...onDisk, downgrade: 'REINSTALL' } },
      'upload',
    ],
    [
      'installs once the app is gone',
      {
        wish: { allowDowngrade: true },
        memory: begun({ began: updateFrom('RUNNING'), done: { UNINSTALL: 1 }, reinstall: { configuration: null } }),
        input: { ...onDisk, downgrade: 'REINSTALL' },
      },
      'upload',
    ],
    [
      'gives the configuration back before the license',
      {
        wish: { allowDowngrade: true },
        seen: camera('4.0.0'),
        memory: begun({ began: updateFrom('RUNNING'), reinstall: { configuration: null } }),
      },
      'restore',
    ],
    [
      'places the license then, and starts what ran',
      {
        wish: { allowDowngrade: true },
        seen: camera('4.0.0'),
        memory: begun({ began: updateFrom('RUNNING'), reinstall: { configuration: 'LOST' } }),
      },
      'license',
    ],
    [
      'gives up an app that is listed again after three removals',
      {
        wish: { allowDowngrade: true },
        seen: camera('4.0.1'),
        memory: begun({ began: updateFrom('RUNNING'), done: { UNINSTALL: 3 }, reinstall: { configuration: null } }),
        input: { ...onDisk, downgrade: 'REINSTALL' },
      },
      'FAILED app-came-back',
    ],
    ['is left to the camera when versions cannot be compared', { seen: camera('4.5-2') }, 'download'],
    ['compares numbers, not letters', { wish: { package: packageOf('4.10', 30) }, seen: camera('4.9') }, 'download'],
  ],
}

for (const [name, rows] of Object.entries(tables)) {
  describe(name, () => {
    test.each(rows)('%s', (_sentence, given, expected) => {
      expect(outcome(given)).toBe(expected)
    })
  })
}
