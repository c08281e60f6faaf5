import { join } from 'node:path'
import type { SubjectKind } from '../subject.ts'

const PROGRAM = join(import.meta.dirname, '..', 'node-http-process.ts')

/** What files over HTTP can cost at the least where `node:http` serves them, as it does for us. */
export const nodeHttp: SubjectKind = {
  name: 'node:http',
  isOurs: false,
  conduct:
    'Not a product: files read on the event loop into buffers that are used again, and sent with node:http. Neither verifies nor syncs nor evicts anything, knows no instances and counts nothing.',
  protocols: ['http'],
  install: async () => `this repository, Node.js ${process.versions.node}`,
  command: async (folder, { http }) => ({
    program: process.execPath,
    args: [PROGRAM, join(folder, 'store'), String(http)],
  }),
}
