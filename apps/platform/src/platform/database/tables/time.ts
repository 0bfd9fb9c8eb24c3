import type { Generated } from 'kysely'

/** timestamptz arrives as RFC 3339 text in UTC and is written as such, as a Date, or as now() in SQL. */
export type Time = string
export type GeneratedTime = Generated<Time>
