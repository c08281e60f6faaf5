import type { AddressInfo, ListenOptions, Server } from 'node:net'

/** Has a server listen; resolves to where it does. Rejects with the error of Node.js, such as EADDRINUSE. */
export async function listenOn(server: Server, options: ListenOptions): Promise<AddressInfo> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(options, resolve)
  await promise
  server.off('error', reject)
  return server.address() as AddressInfo
}
