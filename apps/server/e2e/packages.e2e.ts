import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder, writeFiles } from './support/folders.ts'
import { runOk } from './support/run.ts'

const repository = join(import.meta.dirname, '..', '..', '..')

/** Packs packages as they would be published, and installs them into an empty project. */
async function installPacked(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await runOk('pnpm', ['--filter', name, 'pack', '--pack-destination', join(folder, 'packed')], { cwd: repository })
  }
  writeFiles(folder, { 'project/package.json': '{ "private": true, "type": "module" }' })
  const tarballs = readdirSync(join(folder, 'packed')).map((name) => join('..', 'packed', name))
  await runOk('npm', ['install', '--no-audit', '--no-fund', ...tarballs], { cwd: join(folder, 'project') })
}

function installed(folder: string): string[] {
  const modules = join(folder, 'project', 'node_modules')
  return readdirSync(modules)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(modules, name)).map((sub) => `${name}/${sub}`) : [name],
    )
}

describe('what would be published', () => {
  test('core and memory alone pull in nothing else, and the lines of the README run', async () => {
    using folder = temporaryFolder('packed')
    await installPacked(folder.path, ['@caskade/core', '@caskade/memory'])

    expect(installed(folder.path).toSorted()).toEqual(['@caskade/core', '@caskade/memory'])
    for (const readme of ['README.md', 'packages/core/README.md', 'packages/memory/README.md']) {
      const [, snippet = ''] = /^```ts\n(.*?)^```$/ms.exec(readFileSync(join(repository, readme), 'utf8')) ?? []
      writeFileSync(join(folder.path, 'project', 'snippet.js'), snippet)
      const output = await runOk('node', ['snippet.js'], { cwd: join(folder.path, 'project') })
      expect(output).toMatch(/hello, world|true/)
    }
  })

  test.each([
    ['fs', ['@caskade/core', '@caskade/fs'], /better-sqlite3|google/],
    ['sqlite', ['@caskade/core', '@caskade/sqlite', 'better-sqlite3'], /google/],
    ['gcs', ['@caskade/core', '@caskade/gcs', '@google-cloud/storage'], /better-sqlite3/],
  ])('%s alone pulls in no dependency of another backend', async (name, wanted, unwanted) => {
    using folder = temporaryFolder(`packed-${name}`)
    await installPacked(folder.path, ['@caskade/core', `@caskade/${name}`])

    const found = installed(folder.path)
    expect(found).toEqual(expect.arrayContaining(wanted))
    expect(found.filter((each) => unwanted.test(each))).toEqual([])
    expect(found.filter((each) => each.startsWith('@caskade/'))).toHaveLength(2)
  })

  test.each(['22.18.0', '24.0.0'])('everything runs on Node.js %s', async (version) => {
    using folder = temporaryFolder('packed-node')
    const names = ['core', 'memory', 'sqlite', 'fs', 'gcs', 'grpc', 'reapi'].map((name) => `@caskade/${name}`)
    await installPacked(folder.path, [...names, 'caskade'])
    const project = join(folder.path, 'project')
    const script = `
      import { startServer } from 'caskade'
      import { digestOf, sourceFromBytes } from '@caskade/core'
      import { FsStorage } from '@caskade/fs'
      import '@caskade/gcs'
      const files = new FsStorage({ path: 'files' })
      await files.start()
      const bytes = Buffer.from('plain')
      await files.commitWrite(digestOf(bytes), sourceFromBytes(bytes))
      console.log(String(await (await files.getBlob(digestOf(bytes))).bytes()), 'files')
      await files.stop()
      const server = await startServer({ listen: '127.0.0.1:0', httpListen: '127.0.0.1:0', data: 'data' })
      const url = 'http://127.0.0.1:' + server.httpAddress.port
      const hash = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'
      await fetch(url + '/cas/' + hash, { method: 'PUT', body: 'hello' })
      console.log(process.version, await (await fetch(url + '/cas/' + hash)).text())
      await server.stop()`
    writeFileSync(join(project, 'serve.js'), script)

    const output = await runOk('npx', ['--yes', '-p', `node@${version}`, 'node', 'serve.js'], { cwd: project })
    const printed = await runOk('npx', ['--yes', '-p', `node@${version}`, 'caskade', '--version'], { cwd: project })

    expect(output).toContain('plain files')
    expect(output).toContain(`v${version} hello`)
    expect(printed).toMatch(/\d+\.\d+\.\d+/)
  })
})
