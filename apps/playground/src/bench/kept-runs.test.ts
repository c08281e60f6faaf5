import { expect, test } from 'vitest'
import { benchRun } from './kept-runs.fixture.ts'
import { machinesOf, madeBy, missingLines, replaceMeasured, runsOf, serverRows } from './kept-runs.ts'

const whole = benchRun('bench --write')
const part = benchRun('bench --only a', { date: '2026-01-03' })
const other = benchRun('bench --only b', { date: '2026-01-04T00:00:00.000Z' })

test('what is measured anew is where the same was, and what is new at the end', () => {
  const kept = [
    { key: 'a', value: 1 },
    { key: 'b', value: 2 },
  ]
  const anew = [
    { key: 'c', value: 3 },
    { key: 'a', value: 4 },
  ]

  expect(replaceMeasured(kept, anew, ({ key }) => key)).toEqual([
    { key: 'a', value: 4 },
    { key: 'b', value: 2 },
    { key: 'c', value: 3 },
  ])
})

test('runs are those of which something is there, the first of them first', () => {
  expect(runsOf([{ run: other }, { run: whole }, { run: other }])).toEqual([whole, other])
})

test('a report names every run with its date, each once', () => {
  expect(madeBy([whole])).toBe('Made by `bench --write` on 2026-01-02')
  expect(madeBy([whole, part, { ...part }, other])).toBe(
    'Made by `bench --write` on 2026-01-02, with figures of `bench --only a` on 2026-01-03 and of `bench --only b` on 2026-01-04',
  )
})

test('machines are told apart only when they differ', () => {
  expect(machinesOf([whole, part])).toBe('a machine')
  expect(machinesOf([whole, { ...part, machine: 'another' }])).toBe(
    'a machine (`bench --write` on 2026-01-02); another (`bench --only a` on 2026-01-03)',
  )
})

test('what only some runs could not have is said of them', () => {
  const withoutTwo = { ...whole, missing: ['nginx: no', 'buildgrid: no'] }

  expect(missingLines([withoutTwo])).toEqual(['- Not measured: nginx: no.', '- Not measured: buildgrid: no.'])
  expect(missingLines([withoutTwo, { ...part, missing: ['nginx: no'] }])).toEqual([
    '- Not measured: nginx: no.',
    '- Not measured by `bench --write` on 2026-01-02: buildgrid: no.',
  ])
})

test('servers are listed as those runs had them that there are figures of', () => {
  const server = (name: string, version: string): { name: string; version: string; conduct: string } => ({
    name,
    version,
    conduct: 'does',
  })
  const before = { ...whole, servers: [server('nginx', '1'), server('caskade fs', '1')] }
  const after = { ...part, servers: [server('nginx', '2'), server('caskade fs', '2')] }
  const same = { ...other, servers: [server('nginx', '1')] }
  const measured = [
    { subject: 'nginx', run: before },
    { subject: 'nginx', run: after },
    { subject: 'nginx', run: same },
    { subject: 'caskade fs', run: after },
  ]

  expect(serverRows(measured, ['caskade fs', 'buildgrid'])).toEqual([
    ['caskade fs', '2', 'does'],
    ['nginx', '1', 'does'],
    ['nginx', '2', 'does'],
  ])
})
