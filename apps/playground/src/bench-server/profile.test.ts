import { expect, test } from 'vitest'
import type { CpuProfile } from './cpu-profile.ts'
import { summarizeProfile } from './cpu-profile.ts'
import { makeProfileReport } from './profile-report.ts'

const profile: CpuProfile = {
  startTime: 1000,
  nodes: [
    node(1, '(idle)', ''),
    node(2, 'emit', 'node:events'),
    node(3, 'answer', 'file:///repository/packages/grpc/dist/server-call.js'),
    node(4, 'get', 'file:///repository/node_modules/.pnpm/x@1/node_modules/better-sqlite3/lib/database.js'),
    node(5, '(garbage collector)', ''),
    node(6, 'respond', 'node:internal/http2/core'),
    node(7, '', 'file:///repository/apps/server/dist/main.js'),
    node(8, '(program)', ''),
    node(9, 'update', ''),
  ],
  //        before, then one of each for 100 us, then idle, then after
  samples: [2, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 2],
  timeDeltas: [0, 1000, 100, 100, 100, 100, 100, 100, 100, 100, 5000, 100],
}

test('a profile is summed up over a span, by what was busy and by function', () => {
  const { busyUs, areas, functions } = summarizeProfile(profile, { startUs: 2000, endUs: 7799 })

  expect(busyUs).toBe(800)
  expect(areas.map(({ name }) => name).toSorted()).toEqual([
    '@caskade/grpc',
    'better-sqlite3',
    'built-in functions',
    'caskade',
    'garbage collector',
    'native code of Node.js',
    'node:events',
    'node:http2',
  ])
  expect(areas.map(({ share }) => share)).toEqual(Array.from({ length: 8 }, () => 1 / 8))
  expect(functions.map(({ name }) => name)).toContain('answer, server-call.js')
  expect(functions.map(({ name }) => name)).toContain('(anonymous), main.js')
})

test('a report says what one request takes, and where', () => {
  const summary = summarizeProfile(profile, { startUs: 2000, endUs: 7799 })
  const about = { operation: 'HTTP GET of 100 KiB', inFlight: 1, subject: 'caskade fs', requests: 10, cpuUs: 95 }
  const report = makeProfileReport({
    profiles: [{ ...about, ...summary }],
    seed: 1,
    command: 'pnpm bench:server --profile',
    date: new Date(0),
  })

  expect(report).toMatch(/\| HTTP GET of 100 KiB \| 1 +\| caskade fs \| 95 +\| 80 +\| .*node:http2 13 %/)
  expect(report).toContain('- **HTTP GET of 100 KiB**, 1 in flight, caskade fs: ')
  expect(report).not.toContain('undefined')
})

function node(id: number, functionName: string, url: string): CpuProfile['nodes'][number] {
  return { id, callFrame: { functionName, url } }
}
