import { OcelliError } from './errors/ocelli-error.ts'

/** All items of a list, fetched page by page while they are read. Can be read more than once, each time anew. */
export interface Listing<Item, Page = Item[]> extends AsyncIterable<Item> {
  pages(): AsyncIterable<Page>
  /** At most `limit` items, all of them by default. */
  toArray(options?: { limit?: number }): Promise<Item[]>
}

interface PageRead<Item, Page> {
  page: Page
  items: Item[]
  /** Where the next page begins; null: this was the last. */
  next: string | null
  /** Also an empty page is not the last. */
  goesOn?: boolean
}

/** `readPage` gets where to begin; null at first. */
export function createListing<Item, Page>(
  readPage: (position: string | null) => Promise<PageRead<Item, Page>>,
): Listing<Item, Page> {
  async function* read(): AsyncGenerator<PageRead<Item, Page>> {
    let position: string | null = null
    do {
      const found: PageRead<Item, Page> = await readPage(position)
      const goesOn = found.goesOn ?? found.items.length > 0
      if (found.items.length > 0 || position === null) yield found
      if (found.next !== null && found.next === position && goesOn) throw stuck()
      position = goesOn ? found.next : null
    } while (position !== null)
  }
  const listing: Listing<Item, Page> = {
    async *pages() {
      for await (const { page } of read()) yield page
    },
    async *[Symbol.asyncIterator]() {
      for await (const { items } of read()) yield* items
    },
    async toArray({ limit = Number.POSITIVE_INFINITY } = {}) {
      const all: Item[] = []
      if (limit <= 0) return all
      for await (const item of listing) {
        all.push(item)
        if (all.length >= limit) break
      }
      return all
    },
  }
  return listing
}

/** By number, until a page is empty or not full: the lists that have no cursor. */
export function numberedListing<Item>(size: number, readPage: (page: number) => Promise<Item[]>): Listing<Item> {
  return createListing(async (position) => {
    const number = Number(position ?? 0)
    const items = await readPage(number)
    return { page: items, items, next: items.length < size ? null : String(number + 1) }
  })
}

function stuck(): OcelliError {
  return new OcelliError('The list does not go on: the next page begins where this one did.', {
    ...{ kind: 'bad-answer', code: 'cursor-stuck' },
  })
}
