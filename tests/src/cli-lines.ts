/** A command line, the routes that it calls, and the code it ends with. `~` is a folder with the files named in the test. */
export type Line = [line: string, routes: string[], code?: number]

const id = '11111111-1111-4111-8111-111111111111'
const session = ['POST /auth/v1/people/sign-in/email', 'POST /auth/v1/people/sign-out', 'GET /account/v1/me']
const installation = '/software/v1/apps/{appId}/devices/{deviceId}'
const sites = 'GET /device/v1/sites'
const gateways = 'GET /device/v1/gateways'
const gateway = '/device/v1/gateways/{gatewayId}'
const sealing = ['GET /account/v1/me', 'GET /account/v1/recovery-key']
const project = '/account/v1/projects/{projectId}'

/** Every command of the program, once at least. */
export const lines: Line[] = [
  ['login --email a@b.c', [...session, 'POST /account/v1/access-tokens']],
  ['login', ['POST /auth/v1/device-authorization', 'POST /auth/v1/token', 'GET /account/v1/me']],
  ['logout', []],
  ['whoami', ['GET /account/v1/me']],
  ['password', [...session, 'POST /auth/v1/people/change-password']],
  ['profiles list', []],
  ['profiles use default', []],

  ['devices list', ['GET /device/v1/devices']],
  ['devices list --count --site name', ['GET /device/v1/devices', sites]],
  ['devices show CAM', ['GET /device/v1/devices/{deviceId}']],
  ['devices apps CAM', ['GET /device/v1/devices/{deviceId}/apps']],
  ['devices edit CAM --name Gate', ['PATCH /device/v1/devices/{deviceId}']],
  [
    'devices edit CAM --to-gateway name --add-tag x',
    [
      'GET /device/v1/devices/{deviceId}',
      'PATCH /device/v1/devices/{deviceId}',
      gateways,
      'POST /device/v1/devices/{deviceId}/gateway',
    ],
  ],
  ['devices lost CAM --reason stolen', ['POST /device/v1/devices/{deviceId}/declare-lost']],
  ['devices unclaim CAM', ['DELETE /device/v1/devices/{deviceId}']],
  [
    'devices claim --address 10.0.0.1 --user u',
    [sites, gateways, ...sealing, `POST ${gateway}/camera-claims`, `GET ${gateway}/camera-claims/{batchId}`],
  ],
  [
    'devices change-credentials CAM --user u',
    [
      gateways,
      ...sealing,
      'GET /device/v1/devices/{deviceId}',
      `POST ${gateway}/camera-credentials`,
      `GET ${gateway}/camera-credentials/{batchId}`,
    ],
  ],
  [
    'devices change-credentials --tag x --user u',
    [
      gateways,
      ...sealing,
      'GET /device/v1/devices',
      `POST ${gateway}/camera-credentials`,
      `GET ${gateway}/camera-credentials/{batchId}`,
    ],
  ],
  [
    'devices change-credentials CAM --user u --set-on-camera',
    [
      gateways,
      ...sealing,
      'GET /device/v1/devices/{deviceId}',
      `POST ${gateway}/camera-passwords`,
      `GET ${gateway}/camera-passwords/{batchId}`,
    ],
    // the camera of the answer is another one
    1,
  ],

  ['apps list', ['GET /store/v1/apps']],
  ['apps show a.b', ['GET /store/v1/apps/{appId}', 'GET /store/v1/apps/{appId}/versions']],
  ['apps publish ~/app.apk', ['POST /store/v1/packages']],
  ['apps edit a.b --name B', ['PATCH /store/v1/apps/{appId}']],
  ['apps withdraw a.b 1.0', ['DELETE /store/v1/apps/{appId}/versions/{version}']],
  [
    'apps download a.b',
    [
      'GET /store/v1/apps/{appId}',
      'GET /store/v1/apps/{appId}/versions/{version}',
      'GET /software/v1/apps/{appId}/download',
    ],
  ],

  ['install a.b CAM', [`PUT ${installation}`]],
  ['uninstall a.b CAM', [`DELETE ${installation}`]],
  ['update a.b CAM', [`POST ${installation}`]],
  ['start a.b CAM', [`POST ${installation}/state/{runningState}`]],
  ['stop a.b CAM', [`POST ${installation}/state/{runningState}`]],
  ['status a.b CAM', [`GET ${installation}`]],

  ['rollout create CAM --action update --app a.b', ['POST /software/v1/rollouts']],
  ['rollout list', ['GET /software/v1/rollouts']],
  [`rollout show ${id}`, ['GET /software/v1/rollouts/{rolloutId}']],
  [`rollout devices ${id}`, ['GET /software/v1/rollouts/{rolloutId}/devices']],
  [`rollout device ${id} CAM`, ['GET /software/v1/rollouts/{rolloutId}/devices/{deviceId}']],
  [`rollout watch ${id}`, ['GET /software/v1/rollouts/{rolloutId}/stream']],
  [`rollout pause ${id}`, ['POST /software/v1/rollouts/{rolloutId}/pause']],
  [`rollout resume ${id}`, ['POST /software/v1/rollouts/{rolloutId}/resume']],
  [`rollout abort ${id}`, ['POST /software/v1/rollouts/{rolloutId}/abort']],
  [`rollout approve ${id}`, ['POST /software/v1/rollouts/{rolloutId}/approve']],
  [`rollout close ${id}`, ['POST /software/v1/rollouts/{rolloutId}/close']],
  [`rollout rollback ${id}`, ['POST /software/v1/rollouts/{rolloutId}/rollback']],
  [`rollout retry ${id}`, ['POST /software/v1/rollouts/{rolloutId}/retry']],

  ['licenses quantities', ['GET /license/v1/licensequantities']],
  ['licenses quantities a.b', ['GET /license/v1/licensequantities/apps/{appId}']],
  ['licenses list', ['GET /license/v1/licenses']],
  ['licenses create a.b CAM --license-type FULL', ['POST /license/v1/licenses/apps/{appId}/devices/{deviceId}']],
  [`licenses renew ${id} --order ${id}`, ['POST /license/v1/licenses/{licenseId}/renew']],
  [`licenses renew-order ${id} ${id}`, ['POST /license/v1/renewals']],
  [`licenses download ${id}`, ['GET /license/v1/licenses/{licenseId}/token']],
  [`licenses release ${id} --reason scrapped`, ['POST /license/v1/licenses/{licenseId}/release']],
  ['licenses audit', ['GET /license/v1/audit']],
  ['vendor-keys upload a.b ~/key.xml', ['POST /license/v1/vendor-licenses']],
  ['vendor-keys list', ['GET /license/v1/licenses']],

  ['orders list', ['GET /store/v1/orders']],
  [`orders show ${id}`, ['GET /store/v1/orders/{orderId}']],
  ['orders place a.b 1 --license-type FULL', ['POST /store/v1/orders']],
  [`orders reduce ${id} 1`, ['PATCH /store/v1/orders/{orderId}']],
  [`orders confirm ${id}`, ['POST /store/v1/orders/{orderId}/confirm']],
  [`orders cancel ${id}`, ['POST /store/v1/orders/{orderId}/cancel']],

  ['sites list', [sites]],
  [`sites show ${id}`, ['GET /device/v1/sites/{siteId}']],
  ['sites create Harbour --budget-hours ~/hours.json', ['POST /device/v1/sites']],
  ['sites edit name --repair auto', [sites, 'PATCH /device/v1/sites/{siteId}']],
  [`sites remove ${id}`, ['DELETE /device/v1/sites/{siteId}']],

  ['gateways list', [gateways, sites]],
  [`gateways show ${id}`, [`GET ${gateway}`]],
  [`gateways token ${id}`, ['POST /device/v1/sites/{siteId}/enrollment-tokens']],
  [`gateways replace ${id}`, [`POST ${gateway}/replacement-tokens`]],
  [`gateways revoke ${id}`, [`DELETE ${gateway}`]],
  ['gateways recovery-key --out ~/recovery-{n}.json', ['GET /account/v1/recovery-key', 'PUT /account/v1/recovery-key']],
  // copies made up here open with no key
  ['gateways reseal name --key ~/recovery.json', [sites, gateways, ...sealing, `GET ${gateway}/recovery-copies`], 4],

  ['transfers list', ['GET /device/v1/transfers', 'GET /account/v1/me']],
  [`transfers offer CAM --to ${id}`, ['POST /device/v1/transfers']],
  [`transfers accept ${id}`, ['POST /device/v1/transfers/{transferId}/accept']],
  [`transfers decline ${id}`, ['POST /device/v1/transfers/{transferId}/decline']],
  [`transfers withdraw ${id}`, ['DELETE /device/v1/transfers/{transferId}']],

  ['events tail --limit 1', ['GET /events/v1/stream']],
  ['events list --limit 1', ['GET /events/v1']],

  ['users list', ['GET /account/v1/users']],
  [`users show ${id}`, ['GET /account/v1/users/{userId}']],
  ['users invite a@b.c --permission devices:view', ['POST /account/v1/invitations']],
  [
    `users edit ${id} --add-permission devices:view`,
    ['GET /account/v1/users/{userId}', 'PATCH /account/v1/users/{userId}'],
  ],
  [`users remove ${id}`, ['DELETE /account/v1/users/{userId}']],
  ['invitations list', ['GET /account/v1/invitations']],
  [`invitations revoke ${id}`, ['DELETE /account/v1/invitations/{invitationId}']],
  ['invitations accept token --first-name A --last-name B', ['POST /account/v1/invitations/accept']],
  ['permissions', ['GET /account/v1/me']],
  ['tokens list', ['GET /account/v1/access-tokens']],
  ['tokens create nightly', ['POST /account/v1/access-tokens']],
  [`tokens revoke ${id}`, ['DELETE /account/v1/access-tokens/{tokenId}']],
  ['technical-users list', ['GET /account/v1/technical-users']],
  [
    'technical-users create bot --permission devices:view --project name',
    ['GET /account/v1/projects', 'POST /account/v1/technical-users'],
  ],
  ['technical-users renew-secret bot', ['POST /account/v1/technical-users/{clientId}/secret']],
  ['technical-users remove bot', ['DELETE /account/v1/technical-users/{clientId}']],

  ['projects list', ['GET /account/v1/projects']],
  [`projects show ${id}`, [`GET ${project}`]],
  ['projects create Harbour', ['POST /account/v1/projects']],
  [`projects edit ${id} --name Quay`, [`PATCH ${project}`]],
  [`projects remove ${id}`, [`DELETE ${project}`]],
  [
    `projects assign ${id} --user ${id} --device CAM --app a.b`,
    [`PUT ${project}/members/{userId}`, `PUT ${project}/devices/{deviceId}`, `PUT ${project}/apps/{appId}`],
  ],
  [
    `projects unassign ${id} --user email --device CAM --app a.b`,
    [`DELETE ${project}/members/{userId}`, `DELETE ${project}/devices/{deviceId}`, `DELETE ${project}/apps/{appId}`],
  ],

  ['account show', ['GET /account/v1/account']],
  ['account rename B', ['PATCH /account/v1/account']],
  ['accounts list', ['GET /account/v1/accounts']],
  [`accounts show ${id}`, ['GET /account/v1/accounts/{accountId}']],
  ['accounts create B --administrator a@b.c', ['POST /account/v1/accounts']],
  [`accounts rename ${id} B`, ['PATCH /account/v1/accounts/{accountId}']],
  [`accounts suspend ${id}`, ['PATCH /account/v1/accounts/{accountId}']],
  [`accounts resume ${id}`, ['PATCH /account/v1/accounts/{accountId}']],

  ['offline bundles', ['GET /license/v1/bundles']],
  [`offline show-bundle ${id}`, ['GET /license/v1/bundles/{bundleId}']],
  ['offline key', []],
  ['offline keys', ['GET /account/v1/signing-keys']],
  ['offline enroll-key ~/public-key.json', ['POST /account/v1/signing-keys']],
  ['offline remove-key k', ['DELETE /account/v1/signing-keys/{keyId}']],
  ['offline report ~/receipt.jws', ['POST /account/v1/signing-keys', 'POST /license/v1/receipts']],

  ['grants import ~/grant.jws', ['POST /store/v1/grants']],
  ['grants list', ['GET /store/v1/grants']],
  ['grants trust a.b ~/public-key.json', ['POST /store/v1/apps/{appId}/maker-keys']],
  ['grants trusted a.b', ['GET /store/v1/apps/{appId}/maker-keys']],
  ['grants distrust a.b k', ['DELETE /store/v1/apps/{appId}/maker-keys/{keyId}']],

  ['platform health', ['GET /health/live', 'GET /health/ready'], 5],
  ['platform ca', ['GET /.well-known/ocelli-ca.pem']],
  ['platform keys', ['GET /.well-known/jwks.json']],
  ['platform metrics', ['GET /metrics']],
]

/** Commands that are run elsewhere, and where. */
export const linesElsewhere: Record<string, string> = {
  'maker keygen': 'asks no platform: apps/cli/test/maker.test.ts',
  'maker public-key': 'asks no platform: apps/cli/test/maker.test.ts',
  'maker grant': 'asks no platform: apps/cli/test/maker.test.ts',
  'offline bundle': 'POST /license/v1/bundles with real packages: tests/src/closed-network.test.ts',
  'offline apply': 'needs cameras: tests/src/closed-network.test.ts',
  'offline remove': 'needs cameras: tests/src/closed-network.test.ts',
  'offline install': 'needs cameras: tests/src/closed-network.test.ts',
  discover: 'needs cameras: tests/src/closed-network.test.ts',
  completion: 'prints by itself: tests/src/cli.test.ts',
}

/** Routes that no command calls in the lines above, and why. */
export const routesWithoutLine: Record<string, string> = {
  'GET /auth/v1/device-authorization/{userCode}': 'a person decides in a browser, on the page /device',
  'POST /auth/v1/device-authorization/{userCode}/approve': 'a person decides in a browser, on the page /device',
  'POST /auth/v1/device-authorization/{userCode}/deny': 'a person decides in a browser, on the page /device',
  'GET /auth/v1/people/get-session': 'of browsers; `ocelli whoami` tells who is signed in here',
  'POST /device/v1/gateways/enroll': 'by a gateway: `ocelli-gateway enroll`',
  'POST /device/v1/gateways/self/certificate': 'by a gateway, for itself',
  'GET /device/v1/gateways/self/packages/{packageId}': 'by a gateway, for itself',
  'POST /device/v1/claims': 'by a gateway, with what the camera has answered; `ocelli devices claim` asks a gateway to',
  'GET /store/v1/blobs/{sha256}': 'by links that the platform signs; `ocelli apps download` has the same bytes',
  'GET /license/v1/licenses/apps/{appId}/devices/{deviceId}':
    'of scripts of the original; `ocelli licenses list <app> <device>` gives the same out of the list of all',
  'POST /license/v1/bundles': '`ocelli offline bundle`, run in tests/src/closed-network.test.ts',
}
