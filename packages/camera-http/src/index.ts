export { type AddressRanges, type CameraPlace, MAX_RANGE_ADDRESSES, readAddressRanges } from './address-range.ts'
export { type AskOptions, askConcurrently } from './ask-concurrently.ts'
