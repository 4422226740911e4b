import type { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { cosine } from '../../src/compare/similarity.ts'
import { Secret } from '../../src/config/secret.ts'
import { startUpstream } from '../../src/demo/upstreams.ts'
import { type OpenAiEmbedderParts, openAiEmbedder } from '../../src/embedders/openai.ts'
import { MOST_TEXTS } from '../../src/embedders/vectors.ts'
import { type ManualClock, manualClock } from '../fakes/clock.ts'
import { startScripted } from '../fakes/scripted-upstream.ts'

const KEY = 'sk-embeddings-0123456789'
const TEXT = 'a text of a caller'

function embedderAt(
  url: string,
  clock: ManualClock = manualClock(),
  more: Partial<OpenAiEmbedderParts> = {},
) {
  return openAiEmbedder({
    baseUrl: `${url}/v1/`,
    model: 'text-embedding-3-small',
    key: new Secret(KEY),
    dimensions: null,
    timeoutMs: 5_000,
    fetch,
    clock,
    ...more,
  })
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (reason: Error) => reason,
  )
  const said = `${error?.message} ${error?.stack} ${JSON.stringify(error)} ${error?.cause}`
  expect(said).not.toContain(KEY)
  expect(said).not.toContain(TEXT)
  return error?.message ?? 'nothing was refused'
}

it('vectors come from a real endpoint, in the order of the texts', async () => {
  const upstream = await startUpstream({ name: 'embeddings', seed: 3 })
  try {
    const embedder = embedderAt(upstream.url, manualClock(), { dimensions: 64 })
    const [one, same, other, empty] = await embedder.embed([
      'the gate opens',
      'the gate opens',
      'rice and broth',
      '',
    ])
    expect(one).toHaveLength(64)
    expect(one).toEqual(same)
    expect(cosine(one ?? [], other ?? [])).toBeLessThan(0.5)
    expect(empty).toHaveLength(64)
    expect(await embedder.embed([])).toEqual([])
  } finally {
    await upstream.close()
  }
})

describe('what comes back', () => {
  async function against(
    answer: (response: ServerResponse) => void,
    act: (url: string) => Promise<void>,
  ): Promise<void> {
    const upstream = await startScripted((_, response) => answer(response))
    try {
      await act(upstream.url)
    } finally {
      await upstream.close()
    }
  }
  const json = (value: unknown) => (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  }
  const data = (...embeddings: unknown[]) => ({
    data: embeddings.map((embedding, index) => ({ index, embedding })),
  })

  it('is put in the order of its indexes', async () => {
    const value = {
      data: [
        { index: 1, embedding: [2, 2] },
        { index: 0, embedding: [1, 1] },
      ],
    }
    await against(json(value), async (url) => {
      expect(await embedderAt(url).embed(['a', 'b'])).toEqual([
        [1, 1],
        [2, 2],
      ])
    })
  })

  it.each([
    ['too few', data([1])],
    ['of several lengths', data([1], [1, 2])],
    ['empty', data([], [])],
    ['texts', data('AAAA', 'AAAA')],
    ['no numbers', data([1], [null])],
    ['another answer', { choices: [] }],
    ['null', null],
  ])('is refused where vectors are %s', async (_, value) => {
    await against(json(value), async (url) => {
      expect(await refusal(embedderAt(url).embed([TEXT, TEXT]))).toBe(
        'embeddings of text-embedding-3-small: no 2 vectors of one length in the answer',
      )
    })
  })

  it('is refused with its status alone, and no redirect is followed', async () => {
    for (const status of [401, 429, 500, 302]) {
      const echo = (response: ServerResponse) => {
        response.writeHead(status, { location: 'http://127.0.0.1:9/' }).end(`${KEY} ${TEXT}`)
      }
      await against(echo, async (url) => {
        expect(await refusal(embedderAt(url).embed([TEXT]))).toBe(
          `embeddings of text-embedding-3-small: status ${status}`,
        )
      })
    }
  })

  it('is refused where it is no JSON, without a word of it', async () => {
    await against(
      (response) => void response.end(`${TEXT} ${KEY}`),
      async (url) => {
        expect(await refusal(embedderAt(url).embed([TEXT]))).toBe(
          'embeddings of text-embedding-3-small: no answer that can be read',
        )
      },
    )
  })

  it('is given up when it is late', async () => {
    const clock = manualClock()
    await against(
      () => clock.advance(5_000),
      async (url) => {
        expect(await refusal(embedderAt(url, clock).embed([TEXT]))).toBe(
          'embeddings of text-embedding-3-small: no answer in 5000 ms',
        )
      },
    )
  })

  it('is given up when it does not end', async () => {
    const endless = (response: ServerResponse) => {
      const more = (): void => {
        while (!response.destroyed && response.write(' '.repeat(65_536)));
        response.once('drain', more)
      }
      more()
    }
    await against(endless, async (url) => {
      expect(await refusal(embedderAt(url).embed([TEXT]))).toContain('no answer that can be read')
    })
  })
})

describe('what goes out', () => {
  it('has the key, the model and so much of a text, and nothing else', async () => {
    const upstream = await startScripted((_, response) => {
      response.end(JSON.stringify({ data: [{ index: 0, embedding: [1] }] }))
    })
    try {
      await embedderAt(upstream.url).embed([`${'x'.repeat(15_999)}😀${'y'.repeat(9_000)}`])
      const [request] = upstream.requests
      expect(request?.target).toBe('/v1/embeddings')
      expect(request?.rawHeaders).toContain(`Bearer ${KEY}`)
      expect(JSON.parse(String(request?.body))).toEqual({
        model: 'text-embedding-3-small',
        input: ['x'.repeat(15_999)],
        encoding_format: 'float',
      })
    } finally {
      await upstream.close()
    }
  })

  it('is bounded in number', async () => {
    const texts = new Array(MOST_TEXTS + 1).fill('x')
    expect(await refusal(embedderAt('https://api.example.com').embed(texts))).toContain(
      'at most 64 texts, got 65',
    )
  })

  it.each([
    'ftp://a.io/v1',
    'http://api.example.com/v1',
    'nothing',
    'https://u:p@a.io/v1',
    'https://a.io/v1?key=1',
  ])('%s is no place for it', (baseUrl) => {
    expect(() => embedderAt('https://a.io', manualClock(), { baseUrl })).toThrow(
      /^embeddings: baseUrl must/,
    )
  })
})
