export { actionKey } from './action-cache-service.ts'
export type { ReapiOptions } from './reapi-options.ts'
export { ReapiServices } from './reapi-services.ts'
export {
  type BlobResource,
  formatReadName,
  formatWriteName,
  parseReadName,
  parseWriteName,
  type StreamCompressor,
  type UploadResource,
} from './resource-name.ts'
export { mapStorageErrorCode, type StatusMapping, toGrpcError } from './status-mapping.ts'
