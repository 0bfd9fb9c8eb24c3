import { randomInt } from 'node:crypto'

/** No vowels, so that no words come about, and nothing that is read as something else (RFC 8628, 6.1). */
const letters = 'BCDFGHJKLMNPQRSTVWXZ'
const length = 8

/** 20^8 = 2.6 x 10^10 codes: guessed within ten minutes only by more attempts than the limits allow. */
export const newUserCode = (): string =>
  Array.from({ length }, () => letters.charAt(randomInt(letters.length))).join('')

export const showUserCode = (code: string): string => `${code.slice(0, 4)}-${code.slice(4)}`

/** As it is stored, of what a person has typed. */
export const readUserCode = (typed: string): string => typed.toUpperCase().replace(/[^A-Z]/g, '')
