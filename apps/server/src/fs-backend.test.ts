import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-fs-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

/** Runs a server with a configuration in a process of its own, which finds backends as it does when it is installed. */
function serve(yaml: string): { readonly stdout: string; readonly stderr: string } {
  writeFileSync(join(directory, 'caskade.yaml'), yaml)
  const script = `
    import { createHash } from 'node:crypto'
    import { ConfigError, loadConfig, startServer } from 'caskade'
    try {
      const { config, baseDirectory } = await loadConfig(${JSON.stringify(join(directory, 'caskade.yaml'))})
      const listen = { listen: '127.0.0.1:0', httpListen: '127.0.0.1:0', data: 'data' }
      const server = await startServer({ ...config, ...listen }, { baseDirectory })
      const content = Buffer.alloc(100_000, 'content')
      const url = 'http://127.0.0.1:' + server.httpAddress.port + '/cas/' + createHash('sha256').update(content).digest('hex')
      const put = await fetch(url, { method: 'PUT', body: content })
      const got = await fetch(url)
      const isSame = content.equals(Buffer.from(await got.arrayBuffer()))
      await server.stop()
      console.log(JSON.stringify([put.status, got.status, isSame]))
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      console.log(error.message)
    }`
  const args = ['--conditions=@caskade/source', '--input-type=module', '-e', script]
  return spawnSync(process.execPath, args, { cwd: import.meta.dirname, encoding: 'utf8' })
}

describe('type: fs', () => {
  test('stores what is uploaded in files under its path', () => {
    const { stdout, stderr } = serve(
      `backend: { type: fs, path: store, maxBytes: 100MiB, highWatermark: 0.8, leaseMs: 1h, accessGranularityMs: 1m }\n`,
    )

    expect(`${stdout.trim()} ${stderr}`).toMatch(/^\[200,200,true\]/)
    const stored = readdirSync(join(directory, 'store', 'cas'), { recursive: true, withFileTypes: true })
    expect(stored.filter((entry) => entry.isFile())).toHaveLength(1)
  })

  test('with options that make no sense says so', () => {
    expect(serve('backend: { type: fs }').stdout).toMatch(/backend\.path: it is missing/)
    expect(serve('backend: { type: fs, path: store, lowWatermark: 0.9, highWatermark: 0.5 }').stdout).toMatch(
      /lowWatermark must be above 0 and at most highWatermark/,
    )
  })
})
