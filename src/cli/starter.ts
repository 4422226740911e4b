/** The files that `headgate init` writes, as text. */

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

/** @param schemaPath where the JSON Schema is, seen from the file; editors read it for completion */
export function configText({ official, relayUrl, models }: Answers, schemaPath: string): string {
  const anthropicName = official === 'both' ? 'anthropic' : 'official'
  const upstreams: string[] = []
  const rollouts: string[] = []
  const defaults: string[] = []
  if (official !== 'anthropic') {
    upstreams.push(`  official:
    baseUrl: "https://api.openai.com/v1"
    auth: { bearer: { env: OPENAI_API_KEY } }`)
    defaults.push('openai: official')
    rollouts.push(rolloutText('relay', OPENAI_PATHS, 'official'))
  }
  if (official !== 'openai') {
    upstreams.push(`  ${anthropicName}:
    baseUrl: "https://api.anthropic.com/v1"
    auth: { apiKey: { env: ANTHROPIC_API_KEY } }`)
    defaults.push(`anthropic: ${anthropicName}`)
    const name = official === 'both' ? 'relay-messages' : 'relay'
    rollouts.push(rolloutText(name, ANTHROPIC_PATHS, anthropicName))
  }
  const named = models.map(({ asked, there }) => `      ${quoted(asked)}: ${quoted(there)}`)
  return `# yaml-language-server: $schema=${schemaPath}
version: 1
server: { host: 127.0.0.1, port: 8787 }
control: { host: 127.0.0.1, port: 8788, token: { env: HEADGATE_TOKEN } }

upstreams:
${upstreams.join('\n')}
  relay:
    baseUrl: ${JSON.stringify(relayUrl)}
    auth: { bearer: { env: RELAY_API_KEY } }
    # The model asked for, and its name at the relay. Others stay with the official upstream.
    models:
${named.join('\n')}

# Where requests go that no rollout matches.
default: { ${defaults.join(', ')} }

# The percentage is in this file, and so is the kill switch; a change is read within a second.
flags: { file: flags/relay.json }

rollouts:
${rollouts.join('\n')}
`
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

export function envText(official: Answers['official']): string {
  const keys = [
    ...(official === 'anthropic' ? [] : ['OPENAI_API_KEY']),
    ...(official === 'openai' ? [] : ['ANTHROPIC_API_KEY']),
    'RELAY_API_KEY',
  ]
  return `# Copy this file to .env, fill it in, and keep .env out of git.
${keys.map((key) => `${key}=`).join('\n')}
# What the control plane asks for: openssl rand -hex 32
HEADGATE_TOKEN=
`
}
