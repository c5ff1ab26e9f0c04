// The queue's names in the database. job-queue.ts has its tables and rights.

/** graphile-worker's own schema. */
export const QUEUE_SCHEMA = 'graphile_worker'
/** The role to which the queue is granted. The worker's login role is this one or a member of it. */
export const WORKER_GROUP = 'bulkhead_worker'
