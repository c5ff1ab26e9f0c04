// Owns: what the queue is called in the database. Its tables and rights are job-queue.ts's.

/** graphile-worker's own schema. */
export const QUEUE_SCHEMA = 'graphile_worker'
/** The role that the queue is granted to. The worker's login role is this one or a member of it. */
export const WORKER_GROUP = 'bulkhead_worker'
