/**
 * Rows of a set-based statement by what was asked about, in the order asked: each row carries as `place` the index of its
 * key. Keys without a row are left out.
 */
export function byPlace<Key, Row extends { place: number }>(keys: Key[], rows: Row[]): Map<Key, Row> {
  const found = new Map(rows.map((row) => [row.place, row]))
  return new Map(
    keys.flatMap((key, place) => {
      const row = found.get(place)
      return row ? [[key, row] as const] : []
    }),
  )
}
