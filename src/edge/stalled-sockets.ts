// Cuts off clients that stop reading their answer, on every route.
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Watches a response until it ends, with a timer that its socket has anyway. */
export function cutOffWhenStalled(response: ServerResponse, quietMs: number): void {
  // Node's default on time-out, closing the socket, would also cut off requests that are still being processed.
  response.setTimeout(quietMs)
  response.on('timeout', (socket: Socket) => {
    if (socket.writableLength > 0) socket.destroy()
    else socket.setTimeout(quietMs)
  })
}
