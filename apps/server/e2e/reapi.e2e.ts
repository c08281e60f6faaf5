import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ReapiClient } from '../src/testing/reapi-client.fixture.ts'
import { reapiCases } from '../src/testing/server-cases.fixture.ts'
import { temporaryFolder } from './support/folders.ts'
import type { ServerProcess } from './support/server-process.ts'
import { startServerProcess } from './support/server-process.ts'

describe('a grpc-js client of the server process', () => {
  const folder = temporaryFolder('reapi')
  let server: ServerProcess
  let client: ReapiClient

  beforeAll(async () => {
    server = await startServerProcess(folder.path)
    client = new ReapiClient(server.grpc)
  })

  afterAll(() => {
    folder[Symbol.dispose]()
  })

  test.each(reapiCases)('$name', ({ run }) => run(client))

  test('the server ends in order when it is told to', async () => {
    client[Symbol.dispose]()

    expect(await server.stop()).toBe(0)
  })
})
