import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Backend, StorageABC } from '@caskade/core'
import { digestFunctions, EmptyBlobStorage, startAll, stopAll } from '@caskade/core'
import { GrpcServer, Http2GrpcServer } from '@caskade/grpc'
import type { ReapiOptions } from '@caskade/reapi'
import { ReapiServices, toGrpcError } from '@caskade/reapi'

/** A gRPC server over a backend that a test can also reach from behind. */
export interface BackendServer extends AsyncDisposable {
  readonly address: string
  /** What the server serves from, the empty blob included. */
  readonly storage: StorageABC
}

/** Serves a backend as the server does, in every digest function. `makeBackend` is given an empty folder of its own. */
export async function serveBackend(
  makeBackend: (directory: string) => Backend,
  options: Omit<ReapiOptions, 'backend' | 'uploadDirectory' | 'digestFunctions'> = {},
): Promise<BackendServer> {
  const directory = mkdtempSync(join(tmpdir(), 'caskade-remote-'))
  const { storage: inner, actionCache } = makeBackend(join(directory, 'store'))
  const storage = new EmptyBlobStorage(inner)
  await startAll([storage, actionCache])
  const services = new ReapiServices({
    backend: { storage, actionCache },
    uploadDirectory: directory,
    digestFunctions: digestFunctions.filter((each) => each !== 'blake3'),
    ...options,
  })
  const http2 = new Http2GrpcServer(
    new GrpcServer({ methods: services.methods, maxMessageBytes: 8 << 20, toGrpcError }),
  )
  const { port } = await http2.listen({ host: '127.0.0.1', port: 0 })
  return {
    address: `127.0.0.1:${port}`,
    storage,
    async [Symbol.asyncDispose]() {
      await http2.close(0)
      await services[Symbol.asyncDispose]()
      await stopAll([storage, actionCache])
      rmSync(directory, { recursive: true })
    },
  }
}
