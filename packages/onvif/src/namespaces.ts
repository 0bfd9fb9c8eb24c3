/** XML namespaces on the wire. Replies are matched by local name; these are for what we send. */
export const NAMESPACE = {
  envelope: 'http://www.w3.org/2003/05/soap-envelope',
  device: 'http://www.onvif.org/ver10/device/wsdl',
  appManagement: 'http://www.onvif.org/ver10/appmgmt/wsdl',
  events: 'http://www.onvif.org/ver10/events/wsdl',
  schema: 'http://www.onvif.org/ver10/schema',
  topics: 'http://www.onvif.org/ver10/topics',
  notification: 'http://docs.oasis-open.org/wsn/b-2',
  addressing: 'http://www.w3.org/2005/08/addressing',
  security: 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd',
  securityUtility: 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd',
} as const
