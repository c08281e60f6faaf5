import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { snapshot, writeFiles } from '../support/folders.ts'
import { pauseLines } from '../support/pause.ts'
import { runSetup } from '../support/run-setup.ts'
import { run } from '../support/run.ts'
import type { Tool } from './tool.ts'

/** Where a Maven is that has the build cache extension; most systems bring an older one. */
const home = process.env['CASKADE_E2E_MAVEN_HOME']
const command = home === undefined ? 'mvn' : join(home, 'bin', 'mvn')

/** Maven with its build cache extension, which speaks to a cache as Gradle does. */
export const maven: Tool = {
  name: 'Maven',
  statistics: 'gradle',
  steps: 1,
  survivesAbsence: true,
  isInstalled: () =>
    /^Apache Maven (?:3\.9|[4-9])/m.test(spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout ?? ''),
  async create({ folder, server, salt }, tools) {
    writeFiles(folder, {
      'pom.xml': `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>e2e</groupId>
  <artifactId>app</artifactId>
  <version>1.0</version>
  <properties>
    <maven.compiler.release>11</maven.compiler.release>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
</project>
`,
      'src/main/java/App.java': `class App { static final String SALT = "${salt}"; }\n`,
      'build.sh': `${pauseLines(folder)}\nexec "$@"\n`,
    })
    await runSetup('maven', server, { cwd: folder })
    const caches = [
      `-Dmaven.repo.local=${join(tools, 'repository')}`,
      `-Dmaven.build.cache.location=${join(folder, 'cache')}`,
    ]
    return {
      async build() {
        const { code, output } = await run(
          'sh',
          ['build.sh', command, '--batch-mode', '--no-transfer-progress', ...caches, 'package'],
          {
            cwd: folder,
          },
        )
        const remote =
          output.includes('Found cached build, restoring') && output.includes('Build info downloaded') ? 1 : 0
        return { code, output, remote, executed: [...output.matchAll(/Compiling \d+ source file/g)].length }
      },
      async wipe() {
        for (const name of ['target', 'cache']) rmSync(join(folder, name), { recursive: true, force: true })
      },
      outputs: () => snapshot(join(folder, 'target'), (path) => path.endsWith('.jar')),
    }
  },
}
