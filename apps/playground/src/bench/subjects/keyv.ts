import { verifyBytes } from '@caskade/core'
import type { Keyv } from 'keyv'
import type { Item } from '../content.ts'
import type { Subject } from '../subject.ts'

/** Keyv over any of its stores as a subject; it keeps a buffer as base64 within JSON, as it does unless told otherwise. */
export class KeyvSubject implements Subject {
  readonly #keyv: Keyv<Uint8Array>

  constructor(keyv: Keyv<Uint8Array>) {
    this.#keyv = keyv
  }

  async put({ key, bytes }: Item): Promise<void> {
    if (!(await this.#keyv.set(key, bytes))) throw new Error('keyv: set failed')
  }

  async putVerified(item: Item): Promise<void> {
    verifyBytes(item.digest, item.bytes)
    await this.put(item)
  }

  get({ key }: Item): Promise<Uint8Array | undefined> {
    return this.#keyv.get(key)
  }

  has({ key }: Item): Promise<boolean> {
    return this.#keyv.has(key)
  }

  async missing(items: readonly Item[]): Promise<number> {
    return (await this.#keyv.hasMany(items.map(({ key }) => key))).filter((has) => !has).length
  }

  async bulkPut(items: readonly Item[]): Promise<void> {
    for (const { digest, bytes } of items) verifyBytes(digest, bytes)
    const stored = await this.#keyv.setMany(items.map(({ key, bytes }) => ({ key, value: bytes })))
    if (stored?.includes(false) ?? false) throw new Error('keyv: setMany failed')
  }

  async bulkGet(items: readonly Item[]): Promise<Uint8Array[]> {
    return (await this.#keyv.getMany(items.map(({ key }) => key))).filter((bytes) => bytes !== undefined)
  }

  async close(): Promise<void> {
    await this.#keyv.disconnect()
  }
}
