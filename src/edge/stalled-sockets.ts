// Cuts off clients that take nothing of what they asked for, whichever route it is that answers them.
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Watches a response until it ends; costs a timer that its socket has anyway. */
export function cutOffWhenStalled(response: ServerResponse, quietMs: number): void {
  // Node's own answer to the timeout, to close the socket, would also hit requests that we are still at work on.
  response.setTimeout(quietMs)
  response.on('timeout', (socket: Socket) => {
    if (socket.writableLength > 0) socket.destroy()
    else socket.setTimeout(quietMs)
  })
}
