// A bucket of points that refills steadily. Knows nothing of what the points stand for.
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

  /** What is left; below 0 it is a debt, which the refill pays first. */
  get points(): number {
    const nowMs = this.#clock().getTime()
    // A clock that was set back must not take points away.
    const restored = (Math.max(0, nowMs - this.#atMs) * this.restorePerSecond) / 1_000
    this.#points = Math.min(this.capacity, this.#points + restored)
    this.#atMs = nowMs
    return this.#points
  }

  /**
   * Takes the points, into debt where there are not so many; a negative number gives back. A debt is at most one
   * capacity: what runs at once is only known to be dear when it has run, and nobody is locked out for hours by that.
   */
  take(points: number): void {
    this.#points = Math.min(this.capacity, Math.max(-this.capacity, this.points - points))
  }

  /** Whole seconds until there are so many points; 0 when there are. */
  secondsUntil(points: number): number {
    return Math.max(0, Math.ceil((points - this.points) / this.restorePerSecond))
  }
}
