import type { CameraTarget } from '@ocelli/driver'

/** A claimed camera as this gateway knows it. */
export interface Camera {
  deviceId: string
  /** Where the id was read, frozen at claim: `onvif:GetDeviceId`. */
  identitySource: string
  driver: 'onvif' | 'vapix'
  siteId: string
  name: string | null
  address: string
  /** Sealed at rest; plain only in memory. */
  credentials: CameraTarget['credentials']
  tls: CameraTarget['tls']
  /** The platform's number for "this device is yours"; grows at every move. */
  assignment: number
}

/** The cameras of this gateway. Another process (`camera add`) may change them; that is noticed within 2 s. */
export interface CameraStore {
  list(): Camera[]
  get(deviceId: string): Camera | null
  save(camera: Camera): Promise<void>
  remove(deviceId: string): Promise<void>
  /** Called after a camera was added, changed or removed, by whomever. Gives the function that ends it. */
  onChange(listener: (change: CameraChange) => void): () => void
  close(): void
}

export type CameraChange =
  | { kind: 'saved'; deviceId: string; camera: Camera; before: Camera | null }
  | { kind: 'removed'; deviceId: string; before: Camera }
