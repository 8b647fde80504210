import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const usualPlaces = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx', '/opt/homebrew/bin/nginx']

/** Undefined on a machine without it; CI has it. */
export const nginxPath = usualPlaces.find((place) => existsSync(place))

export interface Nginx {
  readonly url: string
  stop(): Promise<void>
}

/** Starts nginx on a port, as whoever runs the tests; `locations` is the inside of its one server. */
export async function startNginx(port: number, locations: string): Promise<Nginx> {
  if (nginxPath === undefined) throw new Error('there is no nginx')
  const directory = mkdtempSync(path.join(os.tmpdir(), 'falconer-nginx-'))
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${directory}/${name};`)
    .join('\n')
  const file = path.join(directory, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${directory}/pid; error_log ${directory}/error.log notice;
events {}
http { access_log off; ${temporary}
server { listen 127.0.0.1:${port}; ${locations} } }
`,
  )
  const test = spawnSync(nginxPath, ['-t', '-c', file, '-p', directory], { encoding: 'utf8' })
  if (test.status !== 0) throw new Error(`nginx does not take its configuration:\n${test.stderr}`)
  const running: ChildProcess = spawn(nginxPath, ['-c', file, '-p', directory], { stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; ; tries++) {
    const isUp = await fetch(url).then(
      () => true,
      () => false,
    )
    if (isUp) break
    if (tries > 200 || running.exitCode !== null) throw new Error('nginx does not come up')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    url,
    stop: async () => {
      const gone = new Promise((resolve) => running.once('exit', resolve))
      running.kill('SIGTERM')
      await gone
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
