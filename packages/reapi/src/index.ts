export { actionKey } from './action-results.ts'
export { type ActionResultFormat, type EncodedActionResults } from './encoded-action-results.ts'
export type { ReapiOptions } from './reapi-options.ts'
export { ReapiServices } from './reapi-services.ts'
export { requestTool } from './request-tool.ts'
export type { ReapiUse } from './reapi-use.ts'
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
