import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BackendConfig } from '@caskade/core'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { formatAddress } from './config/listen-address.ts'
import type { RunningServer } from './index.ts'
import { startServer } from './index.ts'
import { ReapiClient } from './testing/reapi-client.fixture.ts'
import { reapiCases } from './testing/server-cases.fixture.ts'

const backends: Readonly<Record<string, BackendConfig | undefined>> = {
  'the default backend': undefined,
  memory: { type: 'memory' },
  sqlite: { type: 'sqlite', path: 'store' },
}

describe.each(Object.entries(backends))('Remote Execution API over %s', (_, backend) => {
  const directory = mkdtempSync(join(tmpdir(), 'caskade-server-'))
  let server: RunningServer
  let client: ReapiClient

  beforeAll(async () => {
    const config = { listen: '127.0.0.1:0', httpListen: '127.0.0.1:0', data: directory, backend }
    server = await startServer(config, { baseDirectory: directory })
    client = new ReapiClient(formatAddress(server.grpcAddress))
  })

  afterAll(async () => {
    client[Symbol.dispose]()
    await server.stop()
    rmSync(directory, { recursive: true })
  })

  test.each(reapiCases)('$name', ({ run }) => run(client))
})
