import type { IncomingMessage, ServerResponse } from 'node:http'
import { configurationPath, uploadPath } from '../apps/operations.ts'
import { paths } from '../device/device-info.ts'
import type { FaultSet } from '../faults.ts'
import type { LoggedRequest, RequestLog } from '../request-log.ts'
import type { SoapService } from '../soap/operation.ts'
import type { SimTime } from '../time.ts'
import { answerConfiguration, type ConfigurationEndpointOptions } from './configuration-endpoint.ts'
import { createExchange, type Exchange } from './exchange.ts'
import { answerSoap, type SoapEndpointOptions } from './soap-endpoint.ts'
import { answerUpload, type UploadEndpointOptions } from './upload-endpoint.ts'

export interface RouterOptions {
  faults: FaultSet
  time: SimTime
  log: RequestLog
  /** Aborted when the camera goes down. */
  power: () => AbortSignal
  services: { device: SoapService; apps: SoapService; events: SoapService; subscription: SoapService }
  soap: SoapEndpointOptions
  upload: UploadEndpointOptions
  configuration: ConfigurationEndpointOptions
}

/** Leads each request to the service of its path. */
export function createRouter(options: RouterOptions) {
  const { faults, time, log, power, services } = options

  function answer(exchange: Exchange, entry: LoggedRequest): Promise<void> {
    if (exchange.path === uploadPath) return answerUpload(exchange, { ...options.upload, entry })
    if (exchange.path.startsWith(configurationPath)) {
      return answerConfiguration(exchange, { ...options.configuration, entry })
    }
    const service = serviceAt(exchange.path)
    if (service === null) return exchange.reply({ status: 404 })
    return answerSoap(service, exchange, { ...options.soap, entry })
  }

  function serviceAt(path: string): SoapService | null {
    if (path === paths.device) return services.device
    if (path === paths.apps) return services.apps
    if (faults.get('noEvents')) return null
    if (path === paths.events) return services.events
    return path.startsWith(paths.subscription) ? services.subscription : null
  }

  return (request: IncomingMessage, response: ServerResponse, isWaiting: boolean): void => {
    if (faults.takeDrop()) return void request.socket.destroy()
    const exchange = createExchange(request, response, { faults, time, power: power(), isWaiting })
    const entry = log.begin({ method: exchange.method, path: exchange.path })
    response.once('finish', () => {
      entry.status = response.statusCode
    })
    answer(exchange, entry).catch((error: unknown) => {
      // A connection that is gone, or a camera that goes down, leaves nobody to tell.
      if (exchange.signal.aborted || response.headersSent) return exchange.cut()
      const body = error instanceof Error ? error.message : String(error)
      exchange.reply({ status: 500, body, headers: { Connection: 'close' } }).catch(exchange.cut)
    })
  }
}
