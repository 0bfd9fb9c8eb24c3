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
  const places = new Set<string>()
  const keyOf = ({ network, email }: Place) => `${network} ${email}`
  return {
    has: (place) => places.has(keyOf(place)),
    add(place) {
      const key = keyOf(place)
      places.delete(key)
      places.add(key)
      if (places.size > maxPlaces) for (const oldest of places) return void places.delete(oldest)
    },
  }
}
