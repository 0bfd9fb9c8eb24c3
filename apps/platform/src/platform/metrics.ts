import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Gateways renew their certificates four months ahead. */
export const endingSoonDays = 14

export interface Metrics {
  registry: Registry
  httpDuration: Histogram<'method' | 'route' | 'status'>
  connectedGateways: Gauge
  channelMessages: Counter<'direction' | 'kind'>
  reportsApplied: Counter
  certificateEnd: Gauge<'certificate'>
  gatewayCertificatesEnding: Gauge
  close: () => void
}

/** What `/metrics` shows. One registry per platform, so that several can live in one process (tests). */
export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    httpDuration: new Histogram({
      name: 'ocelli_http_request_duration_seconds',
      help: 'HTTP requests by route and status',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.002, 0.004, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
      registers,
    }),
    connectedGateways: new Gauge({
      name: 'ocelli_connected_gateways',
      help: 'Gateways connected to this process',
      registers,
    }),
    channelMessages: new Counter({
      name: 'ocelli_channel_messages_total',
      help: 'Messages on the device channel',
      labelNames: ['direction', 'kind'],
      registers,
    }),
    reportsApplied: new Counter({
      name: 'ocelli_device_reports_applied_total',
      help: 'Device reports applied',
      registers,
    }),
    certificateEnd: new Gauge({
      name: 'ocelli_certificate_expiry_timestamp_seconds',
      help: 'When a certificate ends; of the gateways, the one that ends first',
      labelNames: ['certificate'],
      registers,
    }),
    gatewayCertificatesEnding: new Gauge({
      name: 'ocelli_gateway_certificates_expiring',
      help: `Gateways whose certificate ends within ${endingSoonDays} days, or has ended`,
      registers,
    }),
    close: () => registry.clear(),
  }
}
