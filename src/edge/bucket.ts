// A token bucket that refills steadily. Independent of what the points mean.
import type { Clock } from '../core/clock.ts'

export type BucketOptions = { readonly capacity: number; readonly restorePerSecond: number }

export class Bucket {
  readonly capacity: number
  readonly restorePerSecond: number
  readonly #clock: Clock
  #points: number
  #atMs: number

  constructor({ capacity, restorePerSecond }: BucketOptions, clock: Clock) {
    this.capacity = capacity
    this.restorePerSecond = restorePerSecond
    this.#clock = clock
    this.#points = capacity
    this.#atMs = clock().getTime()
  }

  /** The points left; below 0 it is a debt, which the refill pays first. */
  get points(): number {
    const nowMs = this.#clock().getTime()
    // A clock that was set back must not take points away.
    const restored = (Math.max(0, nowMs - this.#atMs) * this.restorePerSecond) / 1_000
    this.#points = Math.min(this.capacity, this.#points + restored)
    this.#atMs = nowMs
    return this.#points
  }

  /**
   * Takes points, into debt if necessary; a negative number returns points. A debt is at most one capacity, since an
   * operation's real cost is known only afterwards, and must not lock the caller out for hours.
   */
  take(points: number): void {
    this.#points = Math.min(this.capacity, Math.max(-this.capacity, this.points - points))
  }

  /** Whole seconds until there are this many points; 0 when there are. */
  secondsUntil(points: number): number {
    return Math.max(0, Math.ceil((points - this.points) / this.restorePerSecond))
  }
}
