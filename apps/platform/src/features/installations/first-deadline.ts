/** The gateway must have taken up a wish this long after it was accepted; every report moves the deadline. */
export const acceptedWithinSeconds = 300

/** So long a wish waits for a device that was away when it was accepted. */
export const queueDays = 30

/** So long a wish may wait at its gateway until it is heard of again, beyond the gateway's minute. */
export const waitingSeconds = 900
