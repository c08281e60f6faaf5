import type { SpoolBudget } from '@caskade/core'
import { Upload } from './upload.ts'
import type { UploadResource } from './resource-name.ts'

/** How many uploads without a connection are kept for their clients to come back; beyond it, the oldest go. */
const MAX_DETACHED = 256

/** What part of the room for all uploads those may take. */
const MAX_DETACHED_PART = 0.25

interface Registered {
  readonly upload: Upload
  expiry: NodeJS.Timeout | undefined
}

/** Keeps the uploads that were begun, so that a client whose connection broke can go on where it was. */
export class UploadRegistry implements AsyncDisposable {
  readonly #directory: string
  readonly #spoolBudget: SpoolBudget
  readonly #resumeWithinMs: number
  /** By full resource name, the least recently begun first. */
  readonly #uploads = new Map<string, Registered>()

  constructor(directory: string, spoolBudget: SpoolBudget, resumeWithinMs: number) {
    this.#directory = directory
    this.#spoolBudget = spoolBudget
    this.#resumeWithinMs = resumeWithinMs
  }

  /** The upload under a name; undefined when there is none. */
  find(name: string): Upload | undefined {
    return this.#uploads.get(name)?.upload
  }

  /** Begins an upload in place of any earlier one under the name, which is given up unless a call is still feeding it. */
  async begin(name: string, resource: UploadResource, feeder: symbol): Promise<Upload> {
    const earlier = this.#uploads.get(name)
    const upload = new Upload(resource, this.#directory, this.#spoolBudget)
    upload.attach(feeder)
    this.#uploads.delete(name)
    this.#uploads.set(name, { upload, expiry: undefined })
    clearTimeout(earlier?.expiry)
    if (earlier?.upload.isAttached === false) await earlier.upload[Symbol.asyncDispose]()
    return upload
  }

  /** Has a call go on with an upload; undefined when there is none. */
  resume(name: string, feeder: symbol): Upload | undefined {
    const registered = this.#uploads.get(name)
    if (registered === undefined) return undefined
    clearTimeout(registered.expiry)
    registered.upload.attach(feeder)
    return registered.upload
  }

  /** Forgets an upload whose call failed for good, unless another call has taken it over. */
  async giveUp(name: string, upload: Upload, feeder: symbol): Promise<void> {
    if (upload.detach(feeder)) await this.end(name, upload)
  }

  /** Forgets an upload that is over, stored or not. */
  async end(name: string, upload: Upload): Promise<void> {
    this.#forget(name, upload)
    await upload[Symbol.asyncDispose]()
  }

  /** Keeps an upload whose call ended for a while, unless another call has taken it over or begun anew. */
  async leave(name: string, upload: Upload, feeder: symbol): Promise<void> {
    if (!upload.detach(feeder)) return
    const registered = this.#uploads.get(name)
    if (registered?.upload !== upload) {
      await upload[Symbol.asyncDispose]()
      return
    }
    const expire = (): void => {
      // Its file may be gone already, with the folder; what matters is that the upload is forgotten.
      this.end(name, upload).catch(() => undefined)
    }
    registered.expiry = setTimeout(expire, this.#resumeWithinMs).unref()
    await this.#limitDetached()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [name, { upload }] of this.#uploads) await this.end(name, upload)
  }

  #forget(name: string, upload: Upload): void {
    const registered = this.#uploads.get(name)
    if (registered?.upload !== upload) return
    clearTimeout(registered.expiry)
    this.#uploads.delete(name)
  }

  async #limitDetached(): Promise<void> {
    const maxBytes = this.#spoolBudget.maxBytes * MAX_DETACHED_PART
    const detached = [...this.#uploads].filter(([, { upload }]) => !upload.isAttached)
    let count = detached.length
    let bytes = detached.reduce((total, [, { upload }]) => total + upload.source.sizeBytes, 0)
    for (const [name, { upload }] of detached) {
      if (count <= MAX_DETACHED && bytes <= maxBytes) return
      count -= 1
      bytes -= upload.source.sizeBytes
      await this.end(name, upload)
    }
  }
}
