// Time as an argument: whoever needs "now" is given a Clock, so that tests can move it.

export type Clock = () => Date

export const systemClock: Clock = () => new Date()
