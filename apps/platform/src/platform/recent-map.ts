/** A map of bounded size: what was set longest ago is forgotten first. */
export interface RecentMap<Value> {
  get(key: string): Value | undefined
  /** A key that is there already counts as set now. */
  set(key: string, value: Value): void
  delete(key: string): void
}

export function createRecentMap<Value>({ maxKeys }: { maxKeys: number }): RecentMap<Value> {
  // a Map gives its keys in the order in which they were set
  const values = new Map<string, Value>()
  return {
    get: (key) => values.get(key),
    set(key, value) {
      values.delete(key)
      values.set(key, value)
      if (values.size > maxKeys) for (const oldest of values.keys()) return void values.delete(oldest)
    },
    delete: (key) => void values.delete(key),
  }
}
