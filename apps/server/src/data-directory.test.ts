import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startServer } from './index.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-data-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

test('a server whose data folder is a project leaves alone what it finds there', async () => {
  const longAgo = new Date(Date.now() - 3_600_000)
  const own = ['uploads/photos', 'owners/list', 'caskade-uploads/notes']
  for (const name of own) {
    mkdirSync(join(directory, name), { recursive: true })
    writeFileSync(join(directory, name, 'file'), name)
    utimesSync(join(directory, name), longAgo, longAgo)
  }

  const server = await startServer({ listen: '127.0.0.1:0', httpListen: '127.0.0.1:0', data: directory })
  await server.stop()

  for (const name of own) expect(readFileSync(join(directory, name, 'file'), 'utf8')).toBe(name)
  expect(readdirSync(join(directory, 'caskade-uploads'))).toEqual(['notes'])
})
