import { EventEmitter, once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import root from 'otlp-protobuf/build/src/generated/root.js'

/** A collector that keeps what it was sent, as the official protobuf reads it. */

export type Value = string | number | boolean | readonly Value[]

export interface SentSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly name: string
  /** `SPAN_KIND_SERVER` … */
  readonly kind: string
  readonly attributes: Readonly<Record<string, Value>>
  /** Nanoseconds since the epoch. */
  readonly start: bigint
  readonly end: bigint
  /** `STATUS_CODE_UNSET` … */
  readonly status: string
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly events: readonly {
    readonly name: string
    readonly attributes: Readonly<Record<string, Value>>
  }[]
  readonly resource: Readonly<Record<string, Value>>
}

export interface SentPoint {
  readonly name: string
  readonly unit: string
  readonly kind: 'gauge' | 'sum' | 'histogram'
  readonly attributes: Readonly<Record<string, Value>>
  /** Of a histogram, its count. */
  readonly value: number
  readonly sum: number | null
  readonly bounds: readonly number[]
  readonly temporality: string | null
}

export interface SentLog {
  readonly body: Value
  /** `SEVERITY_NUMBER_INFO` … */
  readonly severity: string
  readonly attributes: Readonly<Record<string, Value>>
  readonly traceId: string
  readonly spanId: string
  readonly resource: Readonly<Record<string, Value>>
}

/** What it does with a request. */
export type Mood = 'takes' | 'refuses' | 'hangs'

export interface Collector {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  readonly spans: readonly SentSpan[]
  /** Of the newest export. */
  readonly points: readonly SentPoint[]
  readonly logs: readonly SentLog[]
  readonly contentTypes: ReadonlySet<string>
  /** Of the newest request. */
  readonly headers: IncomingHttpHeaders
  /** Requests that came, taken or not. */
  readonly requests: number
  mood: Mood
  /** Resolves once what was sent is as wanted. */
  until(good: (collector: Collector) => boolean): Promise<void>
  close(): Promise<void>
}

// biome-ignore lint/suspicious/noExplicitAny: the generated code is JavaScript, and its types name each field twice
type Decoded = any

const services = (root as Decoded).opentelemetry.proto.collector
const { ExportTraceServiceRequest } = services.trace.v1
const { ExportMetricsServiceRequest } = services.metrics.v1
const { ExportLogsServiceRequest } = services.logs.v1

export async function startCollector(mood: Mood = 'takes'): Promise<Collector> {
  const spans: SentSpan[] = []
  let points: readonly SentPoint[] = []
  const logs: SentLog[] = []
  const contentTypes = new Set<string>()
  let headers: IncomingHttpHeaders = {}
  const came = new EventEmitter()
  const sockets = new Set<Socket>()
  let requests = 0
  const server = createServer(async (request, response) => {
    requests++
    headers = request.headers
    contentTypes.add(headers['content-type'] ?? '')
    const body = await bodyOf(request)
    if (body === null) return
    const isJson = headers['content-type'] === 'application/json'
    if (collector.mood === 'takes') {
      if (request.url === '/v1/traces') spans.push(...spansOf(body, isJson))
      if (request.url === '/v1/metrics') points = pointsOf(body, isJson)
      if (request.url === '/v1/logs') logs.push(...logsOf(body, isJson))
    }
    answer(collector.mood, response)
    came.emit('came')
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const collector: Collector = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    get points() {
      return points
    },
    logs,
    contentTypes,
    get headers() {
      return headers
    },
    get requests() {
      return requests
    },
    mood,
    async until(good) {
      while (!good(collector)) await once(came, 'came')
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((done) => server.close(done))
    },
  }
  return collector
}

function answer(mood: Mood, response: ServerResponse): void {
  switch (mood) {
    case 'takes':
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
      return
    case 'refuses':
      response.writeHead(400).end('no')
      return
    case 'hangs':
  }
}

/** @returns null when its sender ended in the middle */
async function bodyOf(request: IncomingMessage): Promise<Uint8Array | null> {
  const body = await buffer(request).catch(() => null)
  return body !== null && request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
}

/** OTLP's JSON is protobuf's own, but for ids, which are hex there. */
function decodedFrom(kind: Decoded, body: Uint8Array, isJson: boolean): Decoded {
  if (!isJson) return kind.decode(body)
  const text = Buffer.from(body).toString()
  const ids = /"((?:trace|span|parentSpan)Id)":"([0-9a-f]*)"/g
  const withBytes = text.replace(
    ids,
    (_, name, id) => `"${name}":"${Buffer.from(id, 'hex').toString('base64')}"`,
  )
  if (text.includes('Id"') && withBytes === text) throw new Error('ids are not hex')
  return kind.fromObject(JSON.parse(withBytes))
}

function spansOf(body: Uint8Array, isJson: boolean): readonly SentSpan[] {
  const decoded: Decoded = ExportTraceServiceRequest.toObject(
    decodedFrom(ExportTraceServiceRequest, body, isJson),
    { enums: String, longs: String, defaults: true },
  )
  return (decoded.resourceSpans ?? []).flatMap(({ resource, scopeSpans }: Decoded) =>
    scopeSpans.flatMap(({ spans }: Decoded) =>
      spans.map((span: Decoded) => ({
        traceId: hex(span.traceId),
        spanId: hex(span.spanId),
        parentSpanId: hex(span.parentSpanId),
        name: span.name,
        kind: span.kind,
        attributes: recordOf(span.attributes),
        start: BigInt(span.startTimeUnixNano),
        end: BigInt(span.endTimeUnixNano),
        status: span.status?.code ?? 'STATUS_CODE_UNSET',
        links: span.links.map((link: Decoded) => ({
          traceId: hex(link.traceId),
          spanId: hex(link.spanId),
        })),
        events: span.events.map((event: Decoded) => ({
          name: event.name,
          attributes: recordOf(event.attributes),
        })),
        resource: recordOf(resource.attributes),
      })),
    ),
  )
}

function logsOf(body: Uint8Array, isJson: boolean): readonly SentLog[] {
  const decoded: Decoded = ExportLogsServiceRequest.toObject(
    decodedFrom(ExportLogsServiceRequest, body, isJson),
    { enums: String, longs: String, defaults: true },
  )
  return decoded.resourceLogs.flatMap(({ resource, scopeLogs }: Decoded) =>
    scopeLogs.flatMap(({ logRecords }: Decoded) =>
      logRecords.map((record: Decoded) => ({
        body: heldIn(record.body),
        severity: record.severityNumber,
        attributes: recordOf(record.attributes),
        traceId: hex(record.traceId),
        spanId: hex(record.spanId),
        resource: recordOf(resource.attributes),
      })),
    ),
  )
}

function pointsOf(body: Uint8Array, isJson: boolean): readonly SentPoint[] {
  const decoded: Decoded = ExportMetricsServiceRequest.toObject(
    decodedFrom(ExportMetricsServiceRequest, body, isJson),
    { enums: String, longs: Number },
  )
  return (decoded.resourceMetrics ?? []).flatMap(({ scopeMetrics }: Decoded) =>
    scopeMetrics.flatMap(({ metrics }: Decoded) =>
      metrics.flatMap((metric: Decoded) => {
        const kind = (['gauge', 'sum', 'histogram'] as const).find((each) => each in metric)
        if (kind === undefined) throw new Error(`no data in ${metric.name}`)
        return metric[kind].dataPoints.map((point: Decoded) => ({
          name: metric.name,
          unit: metric.unit,
          kind,
          attributes: recordOf(point.attributes ?? []),
          value: kind === 'histogram' ? point.count : (point.asDouble ?? point.asInt),
          sum: point.sum ?? null,
          bounds: point.explicitBounds ?? [],
          temporality: metric[kind].aggregationTemporality ?? null,
        }))
      }),
    ),
  )
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function recordOf(attributes: readonly Decoded[]): Record<string, Value> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, heldIn(value)]))
}

function heldIn(value: Decoded): Value {
  if ('arrayValue' in value) return value.arrayValue.values.map(heldIn)
  const held = value.stringValue ?? value.boolValue ?? value.doubleValue
  return held ?? Number(value.intValue)
}
