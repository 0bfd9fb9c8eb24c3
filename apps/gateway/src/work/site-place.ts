import type { SiteQueue, Ticket } from './site-queue.ts'

/** One camera's place among those at work in its site, asked for when there is work and kept from step to step. */
export interface SitePlace {
  readonly isGranted: boolean
  /** Asks where it has not asked yet. Called before every step: a share that was lowered is kept to once running steps have ended. */
  ask(): boolean
  giveUp(): void
}

export function createSitePlace(options: {
  admission: SiteQueue
  /** The camera may move to another site. */
  siteId: () => string
  onGranted: () => void
}): SitePlace {
  const { admission, siteId, onGranted } = options
  let ticket: Ticket | null = null

  function giveUp(): void {
    ticket?.release()
    ticket = null
  }

  return {
    get isGranted() {
      return ticket?.isGranted === true
    },
    ask() {
      if (ticket !== null && ticket.siteId !== siteId()) giveUp()
      ticket ??= admission.request(siteId(), onGranted)
      ticket.giveWay()
      return ticket.isGranted
    },
    giveUp,
  }
}
