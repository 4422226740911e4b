/** The files that `headgate init` makes, as text. */

/** Where it is to run. */
export const TEMPLATES = ['node', 'workers', 'docker', 'kubernetes'] as const

export type Template = (typeof TEMPLATES)[number]

/** The three answers. */
export interface Answers {
  readonly official: 'openai' | 'anthropic' | 'both'
  readonly relayUrl: string
  /** Model asked for, and its name at the relay. At least one. */
  readonly models: readonly { readonly asked: string; readonly there: string }[]
}

/** `gpt-5.2`, or `gpt-5.2=vendor/gpt-5.2` where the relay has another name for it; null when it is neither. */
export function modelOf(text: string): { asked: string; there: string } | null {
  const [asked = '', there = asked, ...more] = text.split('=').map((part) => part.trim())
  return asked === '' || there === '' || more.length > 0 ? null : { asked, there }
}

export interface Place {
  readonly template: Template
  /** Where the JSON Schema is, seen from the file; editors read it for completion. */
  readonly schemaPath: string
  /** SHA-256 of the token that callers show, in hex; of no meaning on `node`, which listens on loopback. */
  readonly callerSha256: string
}

export function configText(
  { official, relayUrl, models }: Answers,
  { template, schemaPath, callerSha256 }: Place,
): string {
  const kept = template === 'workers' ? 'binding' : 'env'
  const anthropicName = official === 'both' ? 'anthropic' : 'official'
  const upstreams: string[] = []
  const rollouts: string[] = []
  const defaults: string[] = []
  if (official !== 'anthropic') {
    upstreams.push(`  official:
    baseUrl: "https://api.openai.com/v1"
    auth: { bearer: { ${kept}: OPENAI_API_KEY } }`)
    defaults.push('openai: official')
    rollouts.push(rolloutText('relay', OPENAI_PATHS, 'official'))
  }
  if (official !== 'openai') {
    upstreams.push(`  ${anthropicName}:
    baseUrl: "https://api.anthropic.com/v1"
    auth: { apiKey: { ${kept}: ANTHROPIC_API_KEY } }`)
    defaults.push(`anthropic: ${anthropicName}`)
    const name = official === 'both' ? 'relay-messages' : 'relay'
    rollouts.push(rolloutText(name, ANTHROPIC_PATHS, anthropicName))
  }
  const named = models.map(({ asked, there }) => `      ${quoted(asked)}: ${quoted(there)}`)
  return `# yaml-language-server: $schema=${schemaPath}
version: 1
${doorsText(template, callerSha256)}
upstreams:
${upstreams.join('\n')}
  relay:
    baseUrl: ${JSON.stringify(relayUrl)}
    auth: { bearer: { ${kept}: RELAY_API_KEY } }
    # The model asked for, and its name at the relay. Others stay with the official upstream.
    models:
${named.join('\n')}

# Where requests go that no rollout matches.
default: { ${defaults.join(', ')} }

# The percentage is in this file, and so is the kill switch; ${FLAGS_WORDS[template]}.
flags: { file: flags/relay.json }

rollouts:
${rollouts.join('\n')}
`
}

const FLAGS_WORDS: Readonly<Record<Template, string>> = {
  node: 'a change is read within a second',
  workers: 'a change holds from the next deployment on, or within a minute where flags are in KV',
  docker: 'a change is read within a second',
  kubernetes:
    'a change is read within a second of the kubelet bringing it, which takes about a minute',
}

/** Where it listens, who may come in, and where state is kept. */
function doorsText(template: Template, callerSha256: string): string {
  const callers = `# Who may use it: the SHA-256 of the token that they send as their API key (printf %s TOKEN | sha256sum).
callers:
  - { name: app, sha256: ${callerSha256} }
`
  switch (template) {
    case 'node':
      return `server: { host: 127.0.0.1, port: 8787 }
control: { host: 127.0.0.1, port: 8788, token: { env: HEADGATE_TOKEN } }
`
    case 'workers':
      return `control: { token: { binding: HEADGATE_TOKEN } }
${callers}`
    default:
      return `server: { host: 0.0.0.0, port: 8787 }
control: { host: 0.0.0.0, port: 8788, token: { env: HEADGATE_TOKEN } }
state: { sqlite: /var/lib/headgate/state.db }
${callers}`
  }
}

const OPENAI_PATHS = ['/v1/chat/completions', '/v1/embeddings', '/v1/responses']
const ANTHROPIC_PATHS = ['/v1/messages']

function rolloutText(name: string, paths: readonly string[], control: string): string {
  return `  ${name}:
    match: { paths: [${paths.map((path) => JSON.stringify(path)).join(', ')}] }
    control: ${control}
    canary: relay
    flag: headgate-relay
    kill: headgate-kill
    # Rolls back by itself. To climb by itself as well, give it a plan, set the flag to 100 and start it:
    # plan: { steps: [1%, 2%, 5%, 10%, 25%, 50%, 75%, 99%], over: 14d }
    guard: { errors: { margin: 0.1pp }, latency: { p95: { margin: 10% } } }`
}

/** A model's name is taken letter by letter: `\${` in it is no variable. */
function quoted(text: string): string {
  return JSON.stringify(text.replaceAll('${', () => '$${'))
}

/** @param percent the whole percent that the canary starts at, 0..100 */
export function flagsText(percent: number): string {
  return `${JSON.stringify(
    {
      version: 2,
      segments: [],
      features: [
        {
          name: 'headgate-relay',
          type: 'release',
          enabled: true,
          variants: [],
          strategies: [
            {
              name: 'flexibleRollout',
              constraints: [],
              segments: [],
              parameters: {
                rollout: String(percent),
                stickiness: 'default',
                groupId: 'headgate-relay',
              },
            },
          ],
        },
        {
          name: 'headgate-kill',
          type: 'kill-switch',
          enabled: false,
          variants: [],
          strategies: [{ name: 'default', parameters: {}, constraints: [] }],
        },
      ],
    },
    null,
    2,
  )}\n`
}

/** Names without values: for `.env`, or for `.dev.vars` of a Worker that runs here. */
export function envText(official: Answers['official'], template: Template): string {
  const keys = [
    ...(official === 'anthropic' ? [] : ['OPENAI_API_KEY']),
    ...(official === 'openai' ? [] : ['ANTHROPIC_API_KEY']),
    'RELAY_API_KEY',
  ]
  const copy = template === 'workers' ? '.dev.vars' : '.env'
  return `# Copy this file to ${copy}, fill it in, and keep ${copy} out of git.
${keys.map((key) => `${key}=`).join('\n')}
# What the control plane asks for: openssl rand -hex 32
HEADGATE_TOKEN=
`
}
