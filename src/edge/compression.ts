// Compresses the text of large answers, by brotli or gzip as the client accepts. Calls zlib directly rather than through
// @fastify/compress, which sends each answer through a stream and without its length: the held bytes must be known.
import { promisify } from 'node:util'
import { type BrotliOptions, brotliCompress, constants, gzip } from 'node:zlib'
import type { FastifyReply } from 'fastify'
import { LRUCache } from 'lru-cache'
import Negotiator from 'negotiator'

type Encoding = (typeof ENCODINGS)[number]

export type Compressor = {
  /** Null: the text is sent as it is. Otherwise sets the answer's headers, and returns the bytes to send. */
  compress(text: string, acceptEncoding: string | undefined, reply: FastifyReply): Promise<Buffer> | null
}

/** In the order of our preference. */
const ENCODINGS = ['br', 'gzip'] as const

/**
 * Characters. Smaller answers fill at most three packets, so little is gained, and the 60 to 100 µs that a compression
 * takes (bench/compression.ts) would be a tenth of their request.
 */
const COMPRESSED_LENGTH_MIN = 4_096
/** Above this many at once the server is short of CPU, and answers are sent as they are. */
const COMPRESSING_MAX = 8

/**
 * Quality 1 makes 13.8 of 56 KB in 0.2 ms of CPU, on a thread of zlib's; quality 4 makes 13.4 KB in 0.5 ms; gzip of level
 * 3 makes 15.0 KB in 0.4 ms (bench/compression.ts).
 */
const BROTLI_QUALITY = 1
const GZIP_LEVEL = 3

const toBrotli = promisify<string, BrotliOptions, Buffer>(brotliCompress)
const toGzip = promisify<string, { level: number }, Buffer>(gzip)

/** Clients send few different headers, and parsing one takes a few µs. */
const HEADERS_KEPT_MAX = 200
const HEADER_LENGTH_MAX = 1_000
const NEITHER = 'neither'

const kept = new LRUCache<string, Encoding | typeof NEITHER>({ max: HEADERS_KEPT_MAX, memoMethod: choose })

function choose(acceptEncoding: string): Encoding | typeof NEITHER {
  const accepted = new Negotiator({ headers: { 'accept-encoding': acceptEncoding } }).encodings([
    ...ENCODINGS,
  ])
  return ENCODINGS.find((encoding) => accepted.includes(encoding)) ?? NEITHER
}

function encode(text: string, encoding: Encoding): Promise<Buffer> {
  if (encoding === 'gzip') return toGzip(text, { level: GZIP_LEVEL })
  return toBrotli(text, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: text.length,
    },
  })
}

export function createCompressor(): Compressor {
  let running = 0

  async function run(text: string, encoding: Encoding): Promise<Buffer> {
    running += 1
    try {
      return await encode(text, encoding)
    } finally {
      running -= 1
    }
  }

  return {
    compress(text, acceptEncoding, reply) {
      reply.header('vary', 'Origin, Accept-Encoding')
      if (text.length < COMPRESSED_LENGTH_MIN || acceptEncoding === undefined) return null
      if (running >= COMPRESSING_MAX) return null
      const encoding = kept.memo(acceptEncoding.slice(0, HEADER_LENGTH_MAX))
      if (encoding === NEITHER) return null
      reply.header('content-encoding', encoding)
      return run(text, encoding)
    },
  }
}
