// Loaded into every measured server before its own code: reports the process's resource usage to the benchmark.
export type Usage = { readonly cpuMicros: number; readonly rssBytes: number; readonly heapBytes: number }

process.on('message', (message) => {
  if (message !== 'usage' && message !== 'usage after a collection') return
  const { user, system } = process.cpuUsage()
  if (message !== 'usage') globalThis.gc?.()
  const { rss, heapUsed } = process.memoryUsage()
  process.send?.({ cpuMicros: user + system, rssBytes: rss, heapBytes: heapUsed } satisfies Usage)
})
// A message listener would keep the server from ending.
process.channel?.unref()
