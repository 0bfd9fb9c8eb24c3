import { createRecentMap } from '../../platform/recent-map.ts'

interface Place {
  network: string
  email: string
}

/** Where people have signed in since this process started: what others try meanwhile does not keep them out there. */
export interface FamiliarPlaces {
  has(place: Place): boolean
  add(place: Place): void
}

/** Bounded: the places used longest ago are forgotten first. */
export function createFamiliarPlaces({ maxPlaces }: { maxPlaces: number }): FamiliarPlaces {
  const places = createRecentMap<true>({ maxKeys: maxPlaces })
  const keyOf = ({ network, email }: Place) => `${network} ${email}`
  return {
    has: (place) => places.get(keyOf(place)) === true,
    add: (place) => places.set(keyOf(place), true),
  }
}
