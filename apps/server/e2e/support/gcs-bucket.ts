import type { Backend } from '@caskade/core'
import type { GcsOptions } from '@caskade/gcs'
import { gcsBackend } from '@caskade/gcs'

/** Names the service for processes that are started to be killed. */
export const GCS_URL_VARIABLE = 'CASKADE_TEST_GCS_URL'

/** A backend in the bucket of a service that wants no credentials. */
export function backendAt(apiEndpoint: string, options: Omit<GcsOptions, 'bucket'> = {}): Backend {
  const authClient = { getRequestHeaders: () => Promise.reject(new Error('there are no credentials')) }
  const bucket = { name: 'bucket', storage: { apiEndpoint, customEndpoint: true, authClient } }
  return gcsBackend({ bucket, ...options })
}
