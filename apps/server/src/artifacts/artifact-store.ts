import type { ActionCacheEntry, ActionKey, Digest } from '@caskade/core'
import { KeyedLock } from '@caskade/core'
import type { FrontendContext } from '../frontends/http-frontend.ts'
import type { HttpExchange } from '../http/http-exchange.ts'
import { receiveBlob } from '../http/receive-blob.ts'
import type { StoredContent } from '../http/send-stored.ts'
import { sendStored, storedBlob } from '../http/send-stored.ts'
import { wholeContent } from '../http/whole-content.ts'
import type { ToolStatistics } from '../statistics/statistics.ts'

/** What a tool has stored under a key of its own. */
export interface Artifact {
  readonly digest: Digest
  /** Short strings that the tool wants back with it. */
  readonly metadata: Readonly<Record<string, string>>
}

/** How an {@link ArtifactStore} behaves. */
export interface ArtifactStoreOptions {
  /**
   * Reads an artifact to its end before any of it is sent, so that whatever goes wrong with it can be told as a status, for tools
   * that do not take it well when an answer breaks off. Default: false.
   */
  readonly readWhole?: boolean | undefined
}

/** How an artifact is stored. */
export interface WriteOptions {
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** Leaves an artifact in place that is there. Default: false, which replaces it. */
  readonly ifAbsent?: boolean | undefined
}

/** What storing an artifact came to. */
export type WriteOutcome = 'created' | 'replaced' | 'kept'

/**
 * Artifacts for tools that name results by a key of their own: an entry of the action cache that names a blob like any other,
 * verified, and kept once however many keys and tools name it.
 *
 * Frontends are built of it: it deals with bodies, ranges, ETags and what is counted, and leaves status codes to them.
 */
export class ArtifactStore {
  readonly #context: FrontendContext
  readonly #options: ArtifactStoreOptions
  readonly #statistics: ToolStatistics
  readonly #updates = new KeyedLock()

  constructor(context: FrontendContext, tool: string, options: ArtifactStoreOptions = {}) {
    this.#context = context
    this.#options = options
    this.#statistics = context.statistics.of(tool)
  }

  /** Finds an artifact whose content is there; null otherwise. Counts as use, but not as a question of the tool. */
  async find(key: ActionKey, signal: AbortSignal): Promise<Artifact | null> {
    return this.#usable(await this.#context.backend.actionCache.get(key, { signal }), signal)
  }

  /** Answers a GET or HEAD with an artifact; false, with nothing sent, when there is none. */
  async send(
    exchange: HttpExchange,
    key: ActionKey,
    headersOf: (artifact: Artifact) => Readonly<Record<string, string>>,
  ): Promise<boolean> {
    const { backend } = this.#context
    const artifact = artifactOf(await backend.actionCache.get(key, { signal: exchange.signal }))
    const sentBytes =
      artifact === null ? undefined : await sendStored(exchange, this.#contentOf(artifact), headersOf(artifact))
    this.#statistics.noteLookup(sentBytes !== undefined)
    if (typeof sentBytes === 'number') this.#statistics.noteSent(sentBytes)
    return sentBytes !== undefined
  }

  /** Stores the body of a request as an artifact, and leaves the answer to the caller. */
  async receive(
    exchange: HttpExchange,
    key: ActionKey,
    { metadata = {}, ifAbsent = false }: WriteOptions = {},
  ): Promise<WriteOutcome> {
    const { backend, uploadDirectory, spoolBudget, maxBlobBytes } = this.#context
    const existing = await this.find(key, exchange.signal)
    if (ifAbsent && existing !== null) {
      // All of it: a tool that is not done sending may take the end of the connection for a failure.
      await exchange.discardBody(maxBlobBytes)
      return 'kept'
    }
    await using received = await receiveBlob(exchange, { uploadDirectory, spoolBudget, maxBytes: maxBlobBytes })
    const { digest, source } = received
    // Without the signal: all of it is here, and will be asked for although its sender has left.
    const isKnown = await backend.storage.hasBlob(digest)
    if (!isKnown) await backend.storage.commitWrite(digest, source)
    this.#statistics.noteOffered(digest.sizeBytes, isKnown)
    const entry: ActionCacheEntry = { bytes: new Uint8Array(0), references: [digest], metadata }
    if (!ifAbsent) await backend.actionCache.update(key, entry)
    else if (!(await this.#updateUnusable(key, entry))) return 'kept'
    return existing === null ? 'created' : 'replaced'
  }

  /** Stores an entry unless there is one whose content is there; others may have stored theirs while a body was on its way. */
  #updateUnusable(key: ActionKey, entry: ActionCacheEntry): Promise<boolean> {
    const { actionCache } = this.#context.backend
    return this.#updates.run(`${key.namespace}/${key.key}`, async () => {
      const present = await actionCache.get(key)
      if ((await this.#usable(present)) !== null) return false
      return actionCache.update(key, entry, { ifAbsent: present === null })
    })
  }

  /** Removes an artifact; resolves to whether there was one. Its content stays for others who name it, until it is evicted. */
  async remove(key: ActionKey, signal: AbortSignal): Promise<boolean> {
    const { actionCache } = this.#context.backend
    const existed = (await actionCache.get(key, { signal })) !== null
    await actionCache.delete(key, { signal })
    return existed
  }

  #contentOf({ digest }: Artifact): StoredContent {
    const content = storedBlob(this.#context.backend.storage, digest)
    return this.#options.readWhole === true ? wholeContent(content, this.#context) : content
  }

  async #usable(entry: ActionCacheEntry | null, signal?: AbortSignal): Promise<Artifact | null> {
    const artifact = artifactOf(entry)
    const isThere = artifact !== null && (await this.#context.backend.storage.hasBlob(artifact.digest, { signal }))
    return isThere ? artifact : null
  }
}

function artifactOf(entry: ActionCacheEntry | null): Artifact | null {
  const digest = entry?.references[0]
  return entry === null || digest === undefined ? null : { digest, metadata: entry.metadata }
}
