/**
 * The device channel: MQTT 3.1.1, QoS 1, JSON. A gateway publishes to its `up` topic and subscribes to its `down` topic,
 * and reaches no other. Messages may be lost, doubled and reordered; unknown fields are ignored.
 */
export const channelRoot = 'ocelli/v1/gateways'
export const upTopic = (gatewayId: string) => `${channelRoot}/${gatewayId}/up`
export const downTopic = (gatewayId: string) => `${channelRoot}/${gatewayId}/down`
