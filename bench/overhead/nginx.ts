import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../test/fakes/free-port.ts'
import { childrenOf } from './accounting.ts'
import type { Candidate, Surroundings } from './candidates.ts'
import { stop, untilHeard } from './processes.ts'
import { isStream, UPSTREAM_KEY } from './workloads.ts'

/** The fastest there is, as a yardstick: it is no part of the project, and is left out where it is not installed. */

/** @returns what `nginx -v` says of itself; null when it is not installed */
export function nginxVersion(): string | null {
  const { stderr, error } = spawnSync('nginx', ['-v'], { encoding: 'utf8' })
  return error === undefined ? (/nginx\/\S+/.exec(stderr)?.[0] ?? 'nginx') : null
}

export async function startNginx({ core, upstream, folder }: Surroundings): Promise<Candidate> {
  const [whole, stream] = [await freePort(), await freePort()]
  const prefix = join(folder, 'nginx')
  mkdirSync(prefix, { recursive: true })
  const file = join(prefix, 'nginx.conf')
  writeFileSync(file, nginxConfig(prefix, upstream.control, whole, stream))
  const child = spawn('taskset', ['-c', String(core), 'nginx', '-p', prefix, '-c', file], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const master = child.pid ?? 0
  await untilHeard(stream, child, () => readFileSync(join(prefix, 'error.log'), 'utf8'))
  return {
    name: 'nginx',
    pids: [master, ...childrenOf(master)],
    child,
    portOf: (workload) => (isStream(workload) ? stream : whole),
    stop: () => stop(child),
  }
}

/** As one would run it in front of such an API: a pool of kept-alive connections, nothing written to disk. */
function nginxConfig(prefix: string, upstream: number, whole: number, stream: number): string {
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  const location = `
      location / {
        proxy_pass http://upstream_api;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Authorization "Bearer ${UPSTREAM_KEY}";
      }`
  return `
daemon off;
worker_processes 1;
${user}
pid ${prefix}/nginx.pid;
error_log ${prefix}/error.log warn;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${prefix}/body;
  proxy_temp_path ${prefix}/proxy;
  fastcgi_temp_path ${prefix}/fastcgi;
  uwsgi_temp_path ${prefix}/uwsgi;
  scgi_temp_path ${prefix}/scgi;
  client_body_buffer_size 64k;
  keepalive_requests 100000000;
  keepalive_timeout 65s;
  tcp_nodelay on;
  upstream upstream_api {
    server 127.0.0.1:${upstream};
    keepalive 256;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${whole};${location}
  }
  server {
    listen 127.0.0.1:${stream};
    proxy_buffering off;${location}
  }
}
`
}
