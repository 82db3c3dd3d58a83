/** An OTLP/HTTP receiver on loopback: decodes ExportTraceServiceRequest by protobuf's JSON mapping, strictly, and counts spans. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { z } from 'zod'

// opentelemetry/proto/{common,resource,trace}/v1, collector/trace/v1; unknown fields are refused.
const anyValue: z.ZodType = z.lazy(() =>
  z.union([
    z.strictObject({ stringValue: z.string() }),
    z.strictObject({ boolValue: z.boolean() }),
    z.strictObject({ intValue: z.string().regex(/^-?\d{1,19}$/) }),
    z.strictObject({ doubleValue: z.number() }),
    z.strictObject({ arrayValue: z.strictObject({ values: z.array(anyValue) }) }),
    z.strictObject({ kvlistValue: z.strictObject({ values: z.array(keyValue) }) }),
    z.strictObject({}),
  ]),
)
const keyValue = z.strictObject({ key: z.string().min(1), value: anyValue })
const nanoseconds = z.string().regex(/^\d{19}$/)
const span = z.strictObject({
  traceId: z.string().regex(/^(?!0{32})[0-9a-f]{32}$/),
  spanId: z.string().regex(/^(?!0{16})[0-9a-f]{16}$/),
  parentSpanId: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .optional(),
  flags: z.number().int(),
  name: z.string().min(1),
  kind: z.number().int().min(0).max(5),
  startTimeUnixNano: nanoseconds,
  endTimeUnixNano: nanoseconds,
  attributes: z.array(keyValue),
  status: z.strictObject({ code: z.number().int().min(0).max(2), message: z.string().optional() }),
})
const scope = z.strictObject({ name: z.string(), version: z.string() })
const request = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes: z.array(keyValue) }),
      scopeSpans: z.array(z.strictObject({ scope, spans: z.array(span) })),
    }),
  ),
})
export type ReceivedSpan = z.infer<typeof span>

/** What the receiver does with a request: takes it, refuses it, or takes it and loses the answer. */
type Behaviour = 'take' | 'lose' | number

export async function otlpReceiver(behave: (request: number) => Behaviour = () => 'take') {
  const spans: ReceivedSpan[] = []
  const headers: IncomingMessage['headers'][] = []
  let bodies = ''
  let requests = 0
  const server = createServer((message, response) => void answer(message, response))
  async function answer(message: IncomingMessage, response: ServerResponse) {
    let body = ''
    for await (const chunk of message) body += String(chunk)
    const behaviour = behave(++requests)
    if (typeof behaviour === 'number') return response.writeHead(behaviour, { 'retry-after': '0' }).end()
    const right = message.method === 'POST' && message.url === '/v1/traces'
    if (!right || message.headers['content-type'] !== 'application/json') return response.writeHead(404).end()
    const parsed = request.safeParse(JSON.parse(body))
    if (!parsed.success) return response.writeHead(400).end(JSON.stringify(parsed.error.issues))
    bodies += body
    headers.push(message.headers)
    spans.push(...parsed.data.resourceSpans.flatMap((r) => r.scopeSpans.flatMap((s) => s.spans)))
    if (behaviour === 'lose') return message.socket.destroy()
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  }
  const listen = (port: number) => new Promise<void>((done) => server.listen(port, '127.0.0.1', done))
  await listen(0)
  const { port } = server.address() as AddressInfo
  const stop = () =>
    new Promise<void>((done) => {
      server.closeAllConnections()
      server.close(() => done())
    })
  onTestFinished(stop)
  return {
    url: `http://127.0.0.1:${port}/v1/traces`,
    spans,
    headers,
    stop,
    start: () => listen(port),
    bodies: () => bodies,
    requests: () => requests,
  }
}
