/**
 * The device channel: MQTT 3.1.1, QoS 1, JSON. A gateway publishes to its `up` topic and subscribes to its `down` topic,
 * and reaches no other. Messages may be lost, doubled and reordered; unknown fields are ignored.
 */
export const channelRoot = 'ocelli/v1/gateways'
/** From the gateway to the platform: each message is an `UpMessage`. */
export const upTopic = (gatewayId: string) => `${channelRoot}/${gatewayId}/up`
/** From the platform to the gateway: each message is a `DownMessage`. */
export const downTopic = (gatewayId: string) => `${channelRoot}/${gatewayId}/down`
