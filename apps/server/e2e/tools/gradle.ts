import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { snapshot, writeFiles } from '../support/folders.ts'
import { pauseLines } from '../support/pause.ts'
import { runSetup } from '../support/run-setup.ts'
import { run } from '../support/run.ts'
import type { Tool } from './tool.ts'

const TASKS = ['first', 'second', 'third']

export const gradle: Tool = {
  name: 'Gradle',
  statistics: 'gradle',
  command: 'gradle',
  steps: TASKS.length,
  survivesAbsence: true,
  async create({ folder, server, salt }) {
    writeFiles(folder, {
      'settings.gradle': "rootProject.name = 'e2e'\n",
      'build.gradle': `
@CacheableTask
class Generate extends DefaultTask {
  @Input String text
  @OutputFile File output
  @TaskAction void generate() {
    output.parentFile.mkdirs()
    output.text = text * 1000
    println "generated $name"
  }
}
${TASKS.map((name) => `task ${name}(type: Generate) { text = '${name} ${salt}\\n'; output = file("$buildDir/${name}.txt") }`).join('\n')}
task pause(type: Exec) { commandLine 'sh', 'pause.sh' }
pause.mustRunAfter first
second.mustRunAfter pause
third.mustRunAfter second
task all { dependsOn ${[...TASKS, 'pause'].join(', ')} }
`,
      'pause.sh': `${pauseLines(folder)}\n`,
    })
    await runSetup('gradle', server, { cwd: folder })
    const options = { cwd: folder, env: { GRADLE_USER_HOME: join(folder, 'home') } }
    return {
      async build() {
        // Not offline, which would turn the cache off as well.
        const args = ['--no-daemon', '--console=plain', 'all']
        const { code, output } = await run('gradle', args, options)
        const remote = [...output.matchAll(/^(?:> Task )?:\w+ FROM-CACHE$/gm)].length
        return { code, output, remote, executed: [...output.matchAll(/^generated /gm)].length }
      },
      async wipe() {
        for (const name of ['build', '.gradle', 'home']) rmSync(join(folder, name), { recursive: true, force: true })
      },
      outputs: () => snapshot(join(folder, 'build')),
    }
  },
}
