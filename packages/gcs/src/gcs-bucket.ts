/**
 * What is used of a `Bucket` of `@google-cloud/storage`, so that projects, credentials and endpoints are configured in
 * the way that people know. The package's own transfer of bytes is not used.
 */
export interface GcsBucket {
  readonly name: string
  /** The project that pays, for buckets where whoever asks does. */
  readonly userProject?: string | undefined
  readonly storage: {
    /** Where the service is, such as `https://storage.googleapis.com`. */
    readonly apiEndpoint: string
    /** The endpoint is not Google's: an emulator or a proxy, which gets no credentials unless it is said to want them. */
    readonly customEndpoint?: boolean | undefined
    readonly useAuthWithCustomEndpoint?: boolean | undefined
    readonly authClient: GcsAuth
  }
}

/** Makes the headers that authorise a request; a `GoogleAuth` of `google-auth-library`. */
export interface GcsAuth {
  getRequestHeaders(url?: string): Promise<Iterable<readonly [name: string, value: string]>>
  /** Gives access to the token, so that one that was refused can be renewed before it expires. */
  getClient?(): Promise<{ credentials?: { expiry_date?: number | null | undefined } }>
}
