/**
 * Names and messages come from cameras and from other people: what could steer a terminal is shown as its code point
 * (C0 and C1 controls, ECMA-48; bidirectional overrides, Unicode Annex 9). Line ends become spaces.
 */
export const plainText = (text: string): string =>
  text.replace(/\r?\n/g, ' ').replace(steering, (character) => {
    const point = character.codePointAt(0) ?? 0
    return `\\u${point.toString(16).padStart(4, '0')}`
  })

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const steering = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g
