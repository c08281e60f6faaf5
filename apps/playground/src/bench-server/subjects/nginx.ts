import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { userInfo } from 'node:os'
import { promisify } from 'node:util'
import type { SubjectKind } from '../subject.ts'

const exec = promisify(execFile)

/** What files over HTTP can cost at the least. */
export const nginx: SubjectKind = {
  name: 'nginx',
  isOurs: false,
  conduct:
    'Files as they are, one worker, sendfile, no log; PUT by its WebDAV module. Neither verifies nor syncs nor evicts anything, and copies files in the kernel.',
  protocols: ['http'],
  async install() {
    const { stderr } = await exec('nginx', ['-v'])
    return stderr.trim().replace('nginx version: ', '')
  },
  async command(folder, { http }) {
    const file = join(folder, 'nginx.conf')
    await mkdir(join(folder, 'store', 'cas'), { recursive: true })
    await writeFile(file, configuration(folder, http))
    return { program: 'nginx', args: ['-c', file, '-e', join(folder, 'error.log')] }
  },
}

function configuration(folder: string, port: number): string {
  return `daemon off;
user ${userInfo().username};
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  client_max_body_size 0;
  client_body_temp_path ${folder}/store/incoming;
  server {
    listen 127.0.0.1:${port};
    keepalive_requests 1000000000;
    root ${folder}/store;
    location /cas/ { dav_methods PUT; }
  }
}
`
}
