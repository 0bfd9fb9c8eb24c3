export async function benchConnections(): Promise<void> {
  throw new Error('not yet')
}
