/**
 * One folder that holds everything the gateway must remember.
 * Names are relative paths with `/`, each part of [A-Za-z0-9._-]: `desired/<fileNameOf(deviceId)>.json`.
 */
export interface StateFolder {
  readonly path: string
  /** The parsed file, null when there is none. Throws `state-corrupt`, naming the file, when it is not JSON. */
  readJson(name: string): Promise<unknown>
  /** Durable and atomic when it resolves: a reader or a crash sees the old or the new content, never a part. */
  writeJson(name: string, value: unknown): Promise<void>
  /** Removing what is not there is a success. */
  remove(name: string): Promise<void>
  /** Names below the prefix folder (`desired/`), sorted, without temporary files. */
  list(prefix: string): Promise<string[]>
  /** Encrypts with the folder's key (AES-256-GCM). */
  seal(text: string): string
  /** Throws `state-corrupt` when it was sealed with another key or altered. */
  unseal(text: string): string
}
