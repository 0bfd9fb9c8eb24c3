/** The gateway must have taken up a wish this long after it was accepted; every report moves the deadline. */
export const acceptedWithinSeconds = 300

/** So long a wish waits for a device that was away when it was accepted. */
export const queueDays = 30
