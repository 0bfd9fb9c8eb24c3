/** Drivers that install an older version over a newer one and keep the app's data (capability `downgrade`). */
export const driversThatDowngrade: ReadonlySet<string> = new Set<string>()
