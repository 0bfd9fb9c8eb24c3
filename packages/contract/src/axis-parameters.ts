/**
 * Groups of an Axis camera's own parameters (`root.Network`, ...), by param.cgi of AXIS OS 5.40 and 9.10 and the documented ones beside
 * them. An app keeps its parameters in a group of its name at the same level, so these names are taken.
 */
const ownGroups = new Set(
  [
    ...[
      'Audio',
      'AudioSource',
      'Bandwidth',
      'BasicDeviceInfo',
      'Brand',
      'Event',
      'GuardTour',
      'HTTPS',
      'Image',
      'ImageSource',
    ],
    ...[
      'Input',
      'IOPort',
      'Layout',
      'Log',
      'MailLogd',
      'MediaClip',
      'Motion',
      'Network',
      'Notify',
      'Output',
      'Properties',
      'PTZ',
    ],
    ...[
      'Recording',
      'RemoteService',
      'Serial',
      'SMTP',
      'SNMP',
      'SOCKS',
      'Storage',
      'StreamCache',
      'StreamProfile',
      'System',
    ],
    ...['Tampering', 'TemperatureControl', 'Time', 'WebService'],
  ].map((name) => name.toLowerCase()),
)

/** Whether an app of this name would share its group of parameters with its camera. Cameras do not tell upper from lower case there. */
export function isCameraParameterGroup(appId: string): boolean {
  return ownGroups.has(appId.toLowerCase())
}
