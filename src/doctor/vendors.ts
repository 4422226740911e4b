/** Whose a key looks like, and whose a host is. What is not listed is nobody's in particular. */

export interface Vendor {
  readonly name: string
  /** What their keys begin with, and no other vendor's. */
  readonly prefix: RegExp
  /** How all their keys begin; for a hint where one does not. */
  readonly begins: string | null
  readonly hosts: readonly string[]
}

/** The first that fits. `sk-` alone says nothing: old keys of OpenAI begin so, and those of most relays. */
const VENDORS: readonly Vendor[] = [
  { name: 'Anthropic', prefix: /^sk-ant-/, begins: 'sk-ant-', hosts: ['anthropic.com'] },
  { name: 'OpenRouter', prefix: /^sk-or-/, begins: 'sk-or-', hosts: ['openrouter.ai'] },
  {
    name: 'OpenAI',
    prefix: /^sk-(proj|svcacct|admin|None)-/,
    begins: 'sk-',
    hosts: ['openai.com'],
  },
  { name: 'Groq', prefix: /^gsk_/, begins: 'gsk_', hosts: ['groq.com'] },
  { name: 'xAI', prefix: /^xai-/, begins: 'xai-', hosts: ['x.ai'] },
  { name: 'Google', prefix: /^AIza/, begins: null, hosts: ['googleapis.com'] },
  { name: 'Hugging Face', prefix: /^hf_/, begins: 'hf_', hosts: ['huggingface.co'] },
  { name: 'Perplexity', prefix: /^pplx-/, begins: 'pplx-', hosts: ['perplexity.ai'] },
  { name: 'Replicate', prefix: /^r8_/, begins: 'r8_', hosts: ['replicate.com'] },
  { name: 'Cerebras', prefix: /^csk-/, begins: 'csk-', hosts: ['cerebras.ai'] },
  { name: 'NVIDIA', prefix: /^nvapi-/, begins: 'nvapi-', hosts: ['nvidia.com'] },
  { name: 'GitHub', prefix: /^(gh[opsu]_|github_pat_)/, begins: null, hosts: ['github.ai'] },
]

/** @returns null for a key that could be anybody's */
export function vendorOfKey(key: string): Vendor | null {
  return VENDORS.find(({ prefix }) => prefix.test(key)) ?? null
}

/** @returns null for a host that is no known vendor's own */
export function vendorOfHost(host: string): Vendor | null {
  const bare = host.toLowerCase()
  return (
    VENDORS.find(({ hosts }) => hosts.some((one) => bare === one || bare.endsWith(`.${one}`))) ??
    null
  )
}
