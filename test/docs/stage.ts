import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type SimulatedUpstream, startUpstream } from '../../src/demo/upstreams.ts'
import { freePort } from '../fakes/free-port.ts'
import { ROOT } from '../house/tree.ts'

/**
 * Where the commands of a page are run: a checkout of its own, a shell that stays the same from the first command to the
 * last, and simulated upstreams in place of those that the page names.
 */

/** What came of a command: both streams together, as a terminal shows them. */
export interface Came {
  readonly output: string
  readonly exit: number
}

/** Not in a checkout that nobody has worked in yet. */
const NOT_CHECKED_OUT = new Set([
  ...['.git', '.headgate', '.wrangler', '.env', '.dev.vars'],
  ...['dist', 'flags', 'headgate.yaml', 'coverage'],
])

/** Where pages say that things are. */
const DATA = '127.0.0.1:8787'
const CONTROL = '127.0.0.1:8788'
/** What the two upstreams and the control plane take. */
export const KEYS = {
  official: 'sk-proj-0123456789abcdefghijklmnopqrstuv',
  relay: 'relay-0123456789abcdefghijklmnopqrstuv',
  control: 'control-token-0123456789abcdef',
} as const

const FOLDER = '/srv/headgate'

/** The log of `serve`, once it has a new configuration. */
const READ = 'configuration taken'

export class Stage {
  readonly folder: string
  readonly official: SimulatedUpstream
  readonly relay: SimulatedUpstream
  readonly dataPort: number
  readonly controlPort: number
  /** How many have asked. */
  callers = 0
  readonly #tools: string
  readonly #shell: ChildProcessWithoutNullStreams
  readonly #closers: (() => unknown)[] = []
  /** What stands on the page, and what it is here; longer ones first. */
  readonly #places: (readonly [string, string])[]
  #heard = ''
  /** What each command that goes on has said. */
  readonly #said: (() => string)[] = []

  static async open(): Promise<Stage> {
    const latency = { firstByteMs: 20, perChunkMs: 1, jitter: 0.2 }
    const [official, relay, dataPort, controlPort] = await Promise.all([
      startUpstream({ name: 'official', seed: 1, latency, keys: [KEYS.official] }),
      startUpstream({ name: 'relay', seed: 2, latency, keys: [KEYS.relay] }),
      freePort(),
      freePort(),
    ])
    return new Stage(official, relay, dataPort, controlPort)
  }

  private constructor(
    official: SimulatedUpstream,
    relay: SimulatedUpstream,
    dataPort: number,
    controlPort: number,
  ) {
    this.official = official
    this.relay = relay
    this.dataPort = dataPort
    this.controlPort = controlPort
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'headgate-docs-')))
    for (const name of readdirSync(ROOT)) {
      if (!NOT_CHECKED_OUT.has(name)) symlinkSync(join(ROOT, name), join(this.folder, name))
    }
    this.#tools = mkdtempSync(join(tmpdir(), 'headgate-docs-tools-'))
    writeFileSync(
      join(this.#tools, 'headgate'),
      `#!/bin/sh\nexec "${process.execPath}" "${ROOT}/src/cli/main.ts" "$@"\n`,
      { mode: 0o755 },
    )
    this.#places = [
      ['https://api.anthropic.com', official.url],
      ['https://api.openai.com', official.url],
      ['https://relay.example', relay.url],
      [DATA, `127.0.0.1:${dataPort}`],
      [CONTROL, `127.0.0.1:${controlPort}`],
      [FOLDER, this.folder],
    ]
    this.#shell = spawn('bash', ['--noprofile', '--norc'], {
      cwd: this.folder,
      detached: true,
      env: {
        PATH: [this.#tools, dirname(process.execPath), process.env['PATH']].join(delimiter),
        HOME: this.folder,
        NO_COLOR: '1',
        COLUMNS: '200',
        HEADGATE_BY: 'alice',
        HEADGATE_PORT: String(dataPort),
        HEADGATE_CONTROL_PORT: String(controlPort),
        npm_config_update_notifier: 'false',
        npm_config_cache: join(this.#tools, 'npm'),
        // Half the time of a short command is compiling it.
        NODE_COMPILE_CACHE: join(tmpdir(), 'headgate-docs-compiled'),
      },
    })
    this.#shell.stdout.setEncoding('utf8').on('data', (text) => {
      this.#heard += text
    })
    this.#shell.stdin.write('shopt -s expand_aliases; exec 2>&1\n')
  }

  /** Adds a place that pages name; what closes it is called at the end. */
  place(onPage: string, here: string, close: () => unknown): void {
    this.#places.unshift([onPage, here])
    this.#closers.push(close)
  }

  /** A text of a page with the places of here. */
  here(text: string): string {
    return this.#places.reduce((all, [onPage, here]) => all.replaceAll(onPage, here), text)
  }

  /** A text from here with the places of the page. */
  onPage(text: string): string {
    return this.#places.reduceRight((all, [onPage, here]) => all.replaceAll(here, onPage), text)
  }

  /** Runs to its end. */
  async run(command: string): Promise<Came> {
    const end = `end-of-${process.hrtime.bigint()}`
    this.#heard = ''
    this.#settlePlaces(command)
    this.#shell.stdin.write(`${this.here(command)}\nprintf '\\n%s %s\\n' ${end} $?\n`)
    const pattern = new RegExp(`\\n?${end} (\\d+)\\n`)
    const found = await this.#until(() => pattern.exec(this.#heard))
    return { output: this.onPage(this.#heard.slice(0, found.index)), exit: Number(found[1]) }
  }

  /**
   * Starts what goes on by itself, and waits until what it said is enough.
   * @returns what ends it as Ctrl-C does
   */
  async start(
    command: string,
    isEnough: (output: string) => boolean,
  ): Promise<() => Promise<Came>> {
    const file = join(this.#tools, `stays-${this.#said.length}`)
    writeFileSync(file, '')
    this.#settlePlaces(command)
    const started = await this.run(`${command.replace(/ #.*$/, '')} > ${file} 2>&1 & echo $!`)
    const pid = started.output.trim().split('\n').at(-1)
    const said = (): string => this.onPage(readFileSync(file, 'utf8'))
    this.#said.push(said)
    await this.#until(() => isEnough(said()) || null, said)
    return () => this.run(`kill -INT ${pid}; wait ${pid}`)
  }

  /** Writes a file anew; where Headgate serves and it is its configuration, waits until that was read. */
  async change(file: string, next: (before: string | undefined) => string): Promise<void> {
    let before: string | undefined
    try {
      before = this.onPage(this.read(file))
    } catch {
      // A new file.
    }
    const reads = (): number =>
      this.#said.map((said) => said().split(READ).length).reduce((a, b) => a + b, 0)
    const readBefore = reads()
    this.write(file, next(before))
    if (file !== 'headgate.yaml' || this.#said.length === 0) return
    await this.#until(() => reads() > readBefore || null)
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.folder, file)), { recursive: true })
    writeFileSync(join(this.folder, file), this.here(text))
  }

  read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8')
  }

  /** What the control plane answers, below `/-/api/v1/`. */
  async control(path: string): Promise<unknown> {
    const answer = await fetch(`http://127.0.0.1:${this.controlPort}/-/api/v1/${path}`, {
      headers: { authorization: `Bearer ${KEYS.control}` },
    })
    return answer.json()
  }

  /** GET, or POST with a body, at the data plane. */
  ask(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.dataPort}${path}`, {
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      headers: { 'content-type': 'application/json', ...headers },
    })
  }

  async close(): Promise<void> {
    if (this.#shell.pid !== undefined) {
      const gone = once(this.#shell, 'exit')
      process.kill(-this.#shell.pid, 'SIGKILL')
      await gone
    }
    for (const close of this.#closers) await close()
    await Promise.all([this.official.close(), this.relay.close()])
    rmSync(this.folder, { recursive: true, force: true })
    rmSync(this.#tools, { recursive: true, force: true })
  }

  /** What `headgate init` wrote names the real places; whoever goes to the network from here must not. */
  #settlePlaces(command: string): void {
    if (!/\b(serve|doctor)\b/.test(command)) return
    try {
      this.write('headgate.yaml', this.read('headgate.yaml'))
    } catch {
      // There is none: the command will say so.
    }
  }

  async #until<Found>(
    look: () => Found | null,
    said: () => string = () => this.#heard,
  ): Promise<Found> {
    const deadline = performance.now() + 30_000
    for (;;) {
      const found = look()
      if (found !== null) return found
      if (this.#shell.exitCode !== null) throw new Error(`the shell is gone: ${said()}`)
      if (performance.now() > deadline) throw new Error(`it waits in vain, with: ${said()}`)
      await sleep(20)
    }
  }
}
