import { create } from '@bufbuild/protobuf'
import type { Method } from '@caskade/grpc'
import { unaryMethod } from '@caskade/grpc'
import { codecOf } from './codec.ts'
import { wireFunctionOf } from './digests.ts'
import {
  Capabilities,
  Compressor_Value,
  ServerCapabilitiesSchema,
  SymlinkAbsolutePathStrategy_Value,
} from './messages.ts'
import type { ReapiSettings } from './reapi-options.ts'

/** Tells clients what they may use; the same for every instance name that is served. */
export function capabilitiesMethods(settings: ReapiSettings): Method[] {
  const { digestFunctions, maxBatchBytes, maxBlobBytes, assertInstance } = settings
  const capabilities = create(ServerCapabilitiesSchema, {
    cacheCapabilities: {
      digestFunctions: digestFunctions.map(wireFunctionOf),
      // Always true: Bazel before 6 exits when it is not. Clients that may not write are told so when they try.
      actionCacheUpdateCapabilities: { updateEnabled: true },
      maxBatchTotalSizeBytes: BigInt(maxBatchBytes),
      maxCasBlobSizeBytes: BigInt(maxBlobBytes),
      symlinkAbsolutePathStrategy: SymlinkAbsolutePathStrategy_Value.ALLOWED,
      supportedCompressors: [Compressor_Value.ZSTD],
      supportedBatchUpdateCompressors: [Compressor_Value.ZSTD],
    },
    // Clients compare these with what they speak; Bazel 4 refuses a server whose lowest is above 2.0.
    lowApiVersion: { major: 2, minor: 0 },
    highApiVersion: { major: 2, minor: 3 },
  })
  return [
    unaryMethod(codecOf(Capabilities.method.getCapabilities), async ({ instanceName }) => {
      assertInstance(instanceName)
      return capabilities
    }),
  ]
}
