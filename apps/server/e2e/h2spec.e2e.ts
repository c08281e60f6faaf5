import type { TransportStream } from '@caskade/grpc'
import { Http2GrpcServer } from '@caskade/grpc'
import { expect, test } from 'vitest'
import { goTool } from './support/go-tool.ts'
import { run } from './support/run.ts'

const VERSION = 'v2.2.1+incompatible'

/** Answers any request, gRPC or not, once all of it is there: what h2spec sends is about frames, not about what is in them. */
function answer(stream: TransportStream): void {
  stream.listen({
    waitingSinceMs: undefined,
    onData: () => undefined,
    onEnd: () => stream.respondWith({ ':status': '200' }, Buffer.from('as asked'), { 'x-end': '1' }),
    onDrain: () => undefined,
    onClose: () => undefined,
  })
}

test('HTTP/2 is spoken as h2spec has it', async () => {
  const h2spec = await goTool('github.com/summerwind/h2spec/cmd/h2spec', VERSION)
  const server = new Http2GrpcServer({ handle: answer })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })

  const { code, output } = await run(h2spec, ['-h', '127.0.0.1', '-p', String(port), '-o', '5'], { cwd: '/' })
  await server.close(0)

  expect(output).toMatch(/(\d+) tests, \1 passed, 0 skipped, 0 failed/)
  expect(code).toBe(0)
})
