/** What a call came to, for those who keep count. Sizes are of content, in bytes, however it was compressed on its way. */
export type ReapiUse =
  /** A result was asked for. */
  | { readonly kind: 'lookup'; readonly isHit: boolean }
  /** A result was stored. */
  | { readonly kind: 'result' }
  /** It was asked which blobs are missing; those that are there need not be uploaded. */
  | {
      readonly kind: 'query'
      readonly presentBlobs: number
      readonly presentBytes: number
      readonly missingBlobs: number
    }
  /** Blobs, or a part of one, were sent. */
  | { readonly kind: 'read'; readonly blobs: number; readonly bytes: number }
  /** Blobs were uploaded; `isKnown`: one that is there already, which was not received again. */
  | { readonly kind: 'write'; readonly blobs: number; readonly bytes: number; readonly isKnown: boolean }
