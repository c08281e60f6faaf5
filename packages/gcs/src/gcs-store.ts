import { Lifecycle } from '@caskade/core'
import { GcsClient } from './gcs-client.ts'
import type { GcsOptions, GcsSettings } from './gcs-options.ts'
import { resolveOptions } from './gcs-options.ts'
import { AbandonedRequests } from './objects/abandoned-requests.ts'
import { ObjectAccess } from './objects/object-access.ts'
import { ObjectKnowledge } from './objects/object-knowledge.ts'
import { ObjectNames } from './objects/object-names.ts'
import { UseRecorder } from './objects/use-recorder.ts'

/** What both halves of a backend share: the connections to one bucket, and what is known of its objects. */
export class GcsStore extends Lifecycle {
  readonly settings: GcsSettings
  readonly client: GcsClient
  readonly access: ObjectAccess
  readonly names: ObjectNames
  readonly knowledge: ObjectKnowledge
  readonly uses: UseRecorder
  readonly abandoned: AbandonedRequests = new AbandonedRequests()

  constructor(options: GcsOptions) {
    super()
    this.settings = resolveOptions(options)
    const { existenceCacheEntries: entries, existenceCacheMs: existenceMs, now, prefix } = this.settings
    this.client = new GcsClient(this.settings)
    this.access = new ObjectAccess(this.client)
    this.names = new ObjectNames(prefix)
    this.knowledge = new ObjectKnowledge({ entries, existenceMs, now })
    this.uses = new UseRecorder({ access: this.access, knowledge: this.knowledge, now })
  }

  protected override onStart(): Promise<void> {
    return this.client.start()
  }

  protected override async onStop(): Promise<void> {
    await this.uses.end()
    await this.client.stop()
  }
}
