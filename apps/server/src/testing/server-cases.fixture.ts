import assert from 'node:assert/strict'
import { Compressor_Value as Compressor, DigestFunction_Value as Fn, health } from '@caskade/reapi/messages'
import { actionCacheCases } from './action-cache-cases.fixture.ts'
import { byteStreamCases } from './byte-stream-cases.fixture.ts'
import { casCases } from './cas-cases.fixture.ts'
import { largeInputCases } from './large-input-cases.fixture.ts'
import type { ReapiCase } from './reapi-support.fixture.ts'
import { assertStatus } from './reapi-support.fixture.ts'
import { resumeCases } from './resume-cases.fixture.ts'

const { HealthCheckResponse_ServingStatus: ServingStatus } = health

/** What concerns the server as a whole. */
const generalCases: readonly ReapiCase[] = [
  {
    name: 'GetCapabilities: tells real limits, the same for every instance name',
    async run(client) {
      for (const instanceName of ['', 'main', 'a/b']) {
        const capabilities = await client.getCapabilities({ instanceName })
        const cache = capabilities.cacheCapabilities
        assert.deepEqual(cache?.digestFunctions, [Fn.SHA256])
        assert.equal(cache?.actionCacheUpdateCapabilities?.updateEnabled, true)
        assert.deepEqual(cache?.supportedCompressors, [Compressor.ZSTD])
        assert.deepEqual(cache?.supportedBatchUpdateCompressors, [Compressor.ZSTD])
        assert.ok(cache.maxBatchTotalSizeBytes > 0n && cache.maxBatchTotalSizeBytes < 4n * 1024n * 1024n)
        assert.ok(cache.maxCasBlobSizeBytes > 0n)
        assert.deepEqual([capabilities.lowApiVersion?.major, capabilities.lowApiVersion?.minor], [2, 0])
        assert.equal(capabilities.executionCapabilities, undefined)
      }
    },
  },
  {
    name: 'Health: serving, as a whole and service by service',
    async run(client) {
      for (const service of ['', 'google.bytestream.ByteStream', 'build.bazel.remote.execution.v2.ActionCache']) {
        assert.equal((await client.checkHealth({ service })).status, ServingStatus.SERVING)
      }
      await assertStatus(client.checkHealth({ service: 'no.such.Service' }), 'NOT_FOUND', 'an unknown service')
    },
  },
  {
    name: 'unknown methods are UNIMPLEMENTED, malformed messages INVALID_ARGUMENT',
    async run(client) {
      const execute = '/build.bazel.remote.execution.v2.Execution/Execute'
      const findMissing = '/build.bazel.remote.execution.v2.ContentAddressableStorage/FindMissingBlobs'

      await assertStatus(client.rawUnary(execute, Buffer.alloc(0)), 'UNIMPLEMENTED', 'Execute')
      await assertStatus(client.rawUnary(findMissing, Buffer.from([0x12, 50, 1])), 'INVALID_ARGUMENT', 'cut off')
      await assertStatus(client.rawUnary(findMissing, Buffer.alloc(20, 0xff)), 'INVALID_ARGUMENT', 'garbage')
      await assertStatus(
        client.rawUnary('/google.bytestream.ByteStream/Write', Buffer.alloc(9, 0xff)),
        'INVALID_ARGUMENT',
        'Write',
      )
      await assertStatus(client.rawUnary(findMissing, Buffer.alloc(9 * 1024 * 1024)), 'RESOURCE_EXHAUSTED', '9 MiB')
    },
  },
]

/** Everything that a client of the Remote Execution API can rely on, service by service. */
export const reapiCases: readonly ReapiCase[] = [
  ...generalCases,
  ...casCases,
  ...byteStreamCases,
  ...resumeCases,
  ...actionCacheCases,
  ...largeInputCases,
]
